import assert from "node:assert/strict";
import { test } from "node:test";
import { alike, colours, keyframesOf, nearest, opponents } from "../../web/js/told_ways.js";

const WAYS = ["net alone", "motion", "guide"];
const told = {
  shots: [
    { way: "net alone", keyframes: [{ time: 1 }, { time: 2 }] },
    { way: "guide", keyframes: [] },
    { way: "motion", keyframes: [{ time: 7 }] },
  ],
};

test("keyframes come in order of time, with their shots", () => {
  assert.deepEqual(keyframesOf(told).map(({ time, shot }) => [time, shot.way]), [[1, "net alone"], [2, "net alone"], [7, "motion"]]);
});

test("the way that was taken stands beside the first one, then what comes nearest", () => {
  const likeness = { "net alone": 0.5, motion: 0.4, guide: 0.9 };
  assert.deepEqual(opponents({ shot: { way: "motion" }, likeness }, WAYS), ["motion", "guide"]);
  assert.deepEqual(opponents({ shot: { way: "net alone" }, likeness }, WAYS), ["guide", "motion"]);
  assert.deepEqual(opponents({ shot: { way: "net alone" }, likeness: { "net alone": 1, motion: 0 } }, WAYS), ["motion"]);
});

test("a time means the keyframe that is nearest", () => {
  const keyframes = keyframesOf(told);
  assert.deepEqual([-3, 1.4, 1.6, 4, 5, 99].map((time) => nearest(keyframes, time)), [0, 0, 1, 1, 2, 2]);
});

test("ways have colours of their own, whatever they are called", () => {
  const found = colours([...WAYS, "another", "one more"]);
  assert.equal(new Set(found.values()).size, 5);
});

test("how alike is a number, or nothing", () => {
  assert.deepEqual([0.9345, 1, 0, undefined].map(alike), ["0.93", "1.00", "0.00", ""]);
});
