import assert from "node:assert/strict";
import { test } from "node:test";
import { language, word } from "../../web/js/lib/words.js";
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
  speaking("fr", undefined, () => assert.equal(word("Play"), "Play"));
  speaking("fr", { Play: "Lire" }, () => assert.equal(word("Play"), "Lire"));
});
