import assert from "node:assert/strict";
import { test } from "node:test";
import { counted, language, listed, named, word } from "../../web/js/lib/words.js";
import { speaking } from "./editor_language.js";

test("without an editor words are English, with their values", () => {
  assert.equal(language(), "en");
  assert.equal(word("Play"), "Play");
  assert.equal(word("frame {number} of {count}", { number: 0, count: 12 }), "frame 0 of 12");
});

test("words are those of the editor's language, in its order", () => {
  const texts = { Play: "再生", "frame {number} of {count}": "{count} 中 {number}", "A. B": "C" };
  speaking("ja", texts, () => {
    assert.equal(language(), "ja");
    assert.equal(word("Play"), "再生");
    assert.equal(word("frame {number} of {count}", { number: 3, count: 12 }), "12 中 3");
    assert.equal(word("A. B"), "C");
    assert.equal(word("Nobody has translated {this}", { this: "it" }), "Nobody has translated it");
  });
});

test("what a value holds is no placeholder, and what has no value stays", () => {
  assert.equal(word("{a} {b}", { a: "{b} $&", b: "2" }), "{b} $& 2");
  assert.equal(word("{toString} {a}", {}), "{toString} {a}");
});

test("an editor that has not loaded its messages yet is asked again", () => {
  speaking("fr", undefined, () => {
    assert.equal(word("Play"), "Play");
    assert.equal(language(), "en");
  });
  speaking("fr", { Play: "Lire" }, () => assert.equal(word("Play"), "Lire"));
});

test("one and many are what the language counts as such", () => {
  const jobs = (count) => counted(count, word("{count} job"), word("{count} jobs"));
  assert.deepEqual([0, 1, 2].map(jobs), ["0 jobs", "1 job", "2 jobs"]);
  speaking("fr", { "{count} job": "{count} travail", "{count} jobs": "{count} travaux" }, () =>
    assert.deepEqual([0, 1, 2].map(jobs), ["0 travail", "1 travail", "2 travaux"]),
  );
  speaking("ja", { "{count} job": "ジョブ {count} 件", "{count} jobs": "ジョブ {count} 件" }, () =>
    assert.deepEqual([0, 1].map(jobs), ["ジョブ 0 件", "ジョブ 1 件"]),
  );
});

test("a language that words are not translated into counts in English, too", () => {
  speaking("fa", undefined, () => assert.equal(counted(12, word("{count} job"), word("{count} jobs")), "12 jobs"));
});

test("lists leave out what there is not", () => {
  assert.equal(listed("a", 0, "", undefined, false, "b"), "a, b");
  assert.equal(named("a", "b"), "a: b");
  speaking("zh", { ", ": "，", "{name}: {value}": "{name}：{value}" }, () => {
    assert.equal(listed("a", "b"), "a，b");
    assert.equal(named("a", "b"), "a：b");
  });
});
