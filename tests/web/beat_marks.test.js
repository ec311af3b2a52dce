import assert from "node:assert/strict";
import { test } from "node:test";
import { marksAt } from "../../web/js/beat_marks.js";

test("a beat is where the slider is at its frame", () => {
  const motion = { frames: 51, step: 1, rate: 25 };
  assert.deepEqual(marksAt([0, 0.5, 1, 2], motion), [0, 0.25, 0.5, 1]);
});

test("of a motion that is thinned too", () => {
  const motion = { frames: 11, step: 3, rate: 30 }; // frames 0, 3, 6 … 30
  assert.deepEqual(marksAt([0.5, 1], motion), [0.5, 1]);
});

test("beats outside the motion are left out, and a picture has none", () => {
  assert.deepEqual(marksAt([-0.1, 0.5, 1.01], { frames: 26, step: 1, rate: 25 }), [0.5]);
  assert.deepEqual(marksAt([0, 1], { frames: 1, step: 1, rate: 25 }), []);
});
