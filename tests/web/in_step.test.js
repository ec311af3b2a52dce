import assert from "node:assert/strict";
import { test } from "node:test";
import { done, frameOf, secondsAt, topOf } from "../../web/js/in_step.js";
import { random, whole } from "./recorder.js";

const side = (more = {}) => ({ frames: 50, rate: [25, 1], width: 320, height: 180, video: true, motion: null, ...more });
const told = (a, b, more = {}) => ({ sides: [a, b], frames: 50, rate: [25, 1], step: 1, width: 320, height: 180, ...more });

test("sides of one rate and length show frames of one number", () => {
  const given = told(side(), side());
  for (let moment = 0; moment < 50; moment++) {
    assert.deepEqual(given.sides.map((one) => frameOf(one, moment, given)), [moment, moment]);
  }
  assert.equal(secondsAt(5, given), 0.2);
});

test("a frame stays until the next one is due, and the last to the end", () => {
  const given = told(side(), side({ rate: [10, 1], frames: 4 }));
  assert.deepEqual([0, 2, 3, 4, 5, 7, 8, 49].map((moment) => frameOf(given.sides[1], moment, given)), [0, 0, 1, 1, 2, 2, 3, 3]);
});

test("numbers are exact at odd rates, far into a clip", () => {
  const next = random(3);
  const rates = [[24000, 1001], [30000, 1001], [60000, 1001], [25, 1]];
  for (let round = 0; round < 300; round++) {
    const rate = rates[whole(next, 0, 3)];
    const step = whole(next, 1, 500);
    const given = told(side({ rate, frames: 1e9 }), null, { rate: [rate[0], rate[1] * step], step });
    const moment = whole(next, 0, 1e6);
    assert.equal(frameOf(given.sides[0], moment, given), Math.min(moment * step, 1e9 - 1));
  }
});

test("videos lie above each other in the film, and motions are none", () => {
  const tops = (a, b) => [0, 1].map((place) => topOf(place, told(a, b)));
  assert.deepEqual(tops(side(), side()), [0, 180]);
  assert.deepEqual(tops(null, side()), [undefined, 0]);
  assert.deepEqual(tops(side({ video: false }), side()), [undefined, 0]);
  assert.deepEqual(tops(side(), side({ video: false })), [0, undefined]);
});

test("of two motions, one of which lies over a video, the other lies over it too", () => {
  const tops = (a, b) => [0, 1].map((place) => topOf(place, told(a, b)));
  const motion = { motion: { filename: "x.motion" } };
  assert.deepEqual(tops(side(motion), side({ ...motion, video: false })), [0, 0]);
  assert.deepEqual(tops(side({ ...motion, video: false }), side(motion)), [0, 0]);
  assert.deepEqual(tops(side(motion), null), [0, undefined]);
});

test("what was done to both is told, and nothing where they are alike", () => {
  assert.deepEqual(done(told(side(), side())), []);
  assert.deepEqual(done(told(side(), null)), ["Only A is wired."]);
  assert.deepEqual(done(told(null, side())), ["Only B is wired."]);
  assert.deepEqual(done(told(side(), side({ frames: 49 }))), ["B is shorter: its last frame stays."]);
  assert.deepEqual(done(told(side({ frames: 10 }), side())), ["A is shorter: its last frame stays."]);
  const faster = done(told(side({ rate: [24000, 1001], frames: 48 }), side({ rate: [24, 1], frames: 48 })));
  assert.deepEqual(faster, ["23.976 and 24 frames per second, matched by time."]);
  assert.deepEqual(done(told(side(), side({ width: 640, height: 360 }))), ["320 and 640 pixels wide, shown at one size."]);
  assert.deepEqual(done(told(side(), side({ width: 180, height: 320 }))), ["B is fitted to the shape of A."]);
  assert.deepEqual(done(told(side(), side(), { step: 3 })), ["1 of 3 frames is shown."]);
});
