import assert from "node:assert/strict";
import { test } from "node:test";
import { MARGIN, drawWays, timeAtX, xOf } from "../../web/js/draw_ways.js";
import { colours } from "../../web/js/told_ways.js";
import { random, recorder, whole } from "./recorder.js";

const [WIDTH, HEIGHT] = [300, 20];
const WAYS = ["net alone", "motion", "guide"];
const shots = (count, seconds) =>
  [...Array(count).keys()].map((place) => ({
    from: (place * seconds) / count,
    to: ((place + 1) * seconds) / count,
    way: WAYS[place % WAYS.length],
  }));

function drawn(strip) {
  const context = recorder();
  drawWays(context, WIDTH, HEIGHT, { colours: colours(WAYS), keyframes: [], at: 0, ...strip }, "#ccc");
  return context;
}

test("a place means the time that is drawn there", () => {
  const next = random(3);
  for (let round = 0; round < 200; round++) {
    const [seconds, width] = [0.1 + 100 * next(), whole(next, 40, 2000)];
    const time = seconds * next();
    const x = xOf(time, seconds, width);
    assert.ok(x >= MARGIN && x <= width - MARGIN);
    assert.ok(Math.abs(timeAtX(x, seconds, width) - time) < 1e-9 * seconds);
  }
});

test("every shot has its time and the colour of its way", () => {
  const context = drawn({ seconds: 4, shots: shots(4, 4) });
  const bars = context.named("roundRect");
  assert.deepEqual(bars.map((bar) => bar.given[0]), [0, 1, 2, 3].map((time) => xOf(time, 4, WIDTH)));
  const looks = context.named("fill").map((call) => call.fillStyle);
  assert.equal(new Set(looks.slice(0, 3)).size, 3);
  assert.equal(looks[0], looks[3]);
});

test("shots follow each other without gaps where they are thin", () => {
  const bars = drawn({ seconds: 10, shots: shots(100, 10) }).named("roundRect");
  for (const [place, bar] of bars.slice(1).entries()) {
    const [x, , across] = bars[place].given;
    assert.ok(Math.abs(x + across - bar.given[0]) < 1e-9);
  }
});

test("keyframes are told apart, and the one that is shown stands out", () => {
  const keyframes = [...Array(200).keys()].map((place) => ({ time: place / 20 }));
  const context = drawn({ seconds: 10, shots: shots(1, 10), keyframes, at: 140 });
  const places = context.named("arc").map((call) => call.given[0]);
  assert.ok(places.length > 20 && places.every((x, place) => !place || x - places[place - 1] > 5));
  const cursor = context.named("roundRect").at(-1);
  assert.ok(Math.abs(cursor.given[0] + cursor.given[2] / 2 - xOf(7, 10, WIDTH)) < 1e-9);
});
