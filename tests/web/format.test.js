import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes, decimals, dollars, duration, hitRate, moment, percent, percents } from "../../web/js/lib/format.js";
import { speaking } from "./editor_language.js";
import { random } from "./recorder.js";

const said = (format, pairs) => {
  for (const [value, words] of pairs) assert.equal(format(value), words, `of ${value}`);
};

test("bytes, also where a unit ends", () => {
  said(bytes, [
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1.0 kB"],
    [9949, "9.9 kB"],
    [9960, "10 kB"],
    [999_499, "999 kB"],
    [999_600, "1.0 MB"],
    [1e9, "1.0 GB"],
    [50e9, "50 GB"],
    [1e12, "1.0 TB"],
    [5e15, "5000 TB"],
  ]);
});

test("seconds, also where a unit ends", () => {
  said(duration, [
    [0, "0.0 s"],
    [0.01, "< 0.1 s"],
    [0.05, "0.1 s"],
    [9.94, "9.9 s"],
    [9.96, "10 s"],
    [59.4, "59 s"],
    [59.6, "1 min 0 s"],
    [83, "1 min 23 s"],
    [3599.6, "1 h 0 min"],
    [4000, "1 h 6 min"],
    [90_000, "25 h 0 min"],
  ]);
});

test("dollars, from less than a cent to a month's", () => {
  said(dollars, [
    [0, "$0"],
    [0.00001, "< $0.0001"],
    [0.0001, "$0.00010"],
    [0.01234, "$0.012"],
    [0.999, "$1.0"],
    [1.5, "$1.5"],
    [9.96, "$10"],
    [99.6, "$100"],
    [2498, "$2,498"],
  ]);
});

test("hits", () => {
  assert.equal(hitRate(0, 0), "-");
  assert.equal(hitRate(1, 2), "33 %");
  assert.equal(hitRate(7, 0), "100 %");
});

test("how far a job is", () => {
  assert.equal(percent({ done: 0, of: 4, value: 0, max: 0 }), 0);
  assert.equal(percent({ done: 1, of: 4, value: 5, max: 10 }), 38);
  assert.equal(percent({ done: 4, of: 4, value: 10, max: 10 }), 100);
  assert.equal(percent({ done: 0, of: 0, value: 1, max: 1 }), 0);
});

test("numbers of any size are words without exponents, and no more than a tenth from the truth", () => {
  const next = random(1);
  const units = { B: 1, kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 };
  for (let round = 0; round < 2000; round++) {
    const value = 10 ** (16 * next());
    const [number, unit] = bytes(value).split(" ");
    assert.ok(Math.abs(Number(number) * units[unit] - value) <= 0.1 * value || value < 10, `${value}: ${bytes(value)}`);
    assert.match(bytes(value), /^\d{1,5}(\.\d)? [kMGT]?B$/);
    const price = 10 ** (8 * next() - 4);
    const told = Number(dollars(price).replace(/[$,]/g, ""));
    assert.ok(Math.abs(told - price) <= 0.05 * price, `${price}: ${dollars(price)}`);
    assert.doesNotMatch(dollars(price) + duration(value), /e|NaN|undefined/);
  }
});

test("numbers, units and dollars are those of the language", () => {
  const texts = { "{value} GB": "{value} Go", "{seconds} s": "{seconds} s" };
  const plain = (text) => text.replace(/\s/g, " "); // French has spaces of its own
  speaking("fr", texts, () => {
    assert.equal(bytes(1_234_567_890), "1,2 Go");
    assert.equal(moment(0.0799), "0,08 s");
    assert.deepEqual([0, 0.00001, 0.01234, 2498].map(dollars).map(plain), ["0 $", "< 0,0001 $", "0,012 $", "2 498 $"]);
  });
  speaking("ja", { "{minutes} min {seconds} s": "{minutes} 分 {seconds} 秒", "{value} %": "{value}%" }, () => {
    assert.equal(duration(83), "1 分 23 秒");
    assert.equal(percents(33.3), "33%");
    assert.equal(decimals(1234.5, 1), "1234.5");
    assert.equal(dollars(0.01234), "$0.012");
  });
});
