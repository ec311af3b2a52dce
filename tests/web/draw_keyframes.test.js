import assert from "node:assert/strict";
import { test } from "node:test";
import { MARGIN, drawStrip, frameAtX, xOf } from "../../web/js/draw_keyframes.js";
import { random, recorder, whole } from "./recorder.js";

const [WIDTH, HEIGHT] = [300, 120];
const [INK, KEYFRAME, ADDED, REMOVED, CUT] = ["#ccc", "#3b8ff0", "#21b573", "#e5484d", "#f08c1e"];
const every = (count, step) => [...Array(Math.ceil(count / step)).keys()].map((place) => place * step);

function drawn(strip) {
  const context = recorder();
  const whole = { cuts: [], curve: [], planned: strip.keyframes, aspect: 1, ...strip };
  drawStrip(context, WIDTH, HEIGHT, whole, INK);
  return context;
}

/** Left to right, where lines of a colour stand. */
function lines(context, colour) {
  const { calls } = context;
  return calls.filter(({ name }, at) => name === "stroke" && calls[at - 1].name === "lineTo")
    .filter((call) => call.strokeStyle === colour)
    .map((call) => calls[calls.indexOf(call) - 1].given[0]);
}

test("a pointer on a frame means that frame", () => {
  const next = random(6);
  for (let round = 0; round < 500; round++) {
    const [count, width] = [whole(next, 1, 20_000), whole(next, 40, 2000)];
    const frame = whole(next, 0, count - 1);
    const x = xOf(frame, count, width);
    assert.ok(x >= MARGIN && x <= width - MARGIN);
    if (count > 1) assert.equal(frameAtX(x, count, width, []), frame);
    const keyframes = [...new Set([0, whole(next, 0, count - 1), count - 1])];
    for (const keyframe of keyframes) assert.equal(frameAtX(xOf(keyframe, count, width), count, width, [keyframe]), keyframe);
    const anywhere = frameAtX(whole(next, -50, width + 50), count, width, keyframes);
    assert.ok(Number.isInteger(anywhere) && anywhere >= 0 && anywhere < count);
  }
});

test("a pointer beside a keyframe means the keyframe", () => {
  const x = xOf(500, 1000, 300);
  assert.equal(frameAtX(x + 3, 1000, 300, [0, 500, 999]), 500);
  assert.notEqual(frameAtX(x + 6, 1000, 300, [0, 500, 999]), 500);
});

test("keyframes, those added, those removed, cuts and the cursor stand where their frames are", () => {
  const context = drawn({ count: 41, keyframes: [0, 10, 25, 40], planned: [0, 10, 20, 40], cuts: [30], cursor: 7 });
  const at = (...frames) => frames.map((frame) => xOf(frame, 41, WIDTH));
  assert.deepEqual(lines(context, KEYFRAME), at(0, 10, 40));
  assert.deepEqual(lines(context, ADDED), at(25));
  assert.deepEqual(lines(context, CUT), at(29.5));
  assert.deepEqual(lines(context, INK).filter((x) => x === at(7)[0]).length, 2, "its tick and the cursor");
  assert.equal(context.named("fill").filter((call) => call.fillStyle === KEYFRAME).length, 3);
  const hollow = context.calls.filter((call, place, all) => call.name === "stroke" && all[place - 1].name === "closePath");
  assert.deepEqual(hollow.map((call) => call.strokeStyle), [REMOVED]);
});

test("the curve is as high as its values say", () => {
  const context = drawn({ count: 3, keyframes: [], curve: [0, 255, 51] });
  const [start, low, high, fifth] = [context.named("moveTo")[0], ...context.named("lineTo")].map((call) => call.given[1]);
  assert.equal(low, start, "on the ground");
  assert.ok(high < fifth && Math.abs((start - fifth) / (start - high) - 0.2) < 1e-9);
});

test("the film is no more pictures than there are, nor than there is room for, and none is bent", () => {
  for (const [pictures, count, aspect] of [[24, 300, 1], [3, 3, 1], [24, 300, 16 / 9], [24, 300, 9 / 16], [1, 1, 1]]) {
    const film = { width: 32 * pictures, height: 32 };
    const made = drawn({ count, keyframes: [0], film, aspect }).named("drawImage");
    assert.ok(made.length >= 1 && made.length <= pictures);
    for (const { given } of made) {
      const [, x, , side, , , , across, down] = given;
      assert.ok(x >= 0 && x + side <= film.width && x % 32 === 0);
      assert.ok(Math.abs(across / down - aspect) < 1e-9);
    }
  }
});

test("a strip of 20 000 frames, or of as many keyframes and cuts, is no more than so much work", () => {
  const most = 60 * WIDTH;
  for (const [count, step] of [[20_000, 4], [20_000, 1], [400, 1]]) {
    const keyframes = every(count, step);
    const curve = every(512, 1).map(() => 9);
    assert.ok(drawn({ count, keyframes, curve, cuts: keyframes.slice(1) }).calls.length < most);
    const planned = every(count, 2 * step);
    assert.ok(drawn({ count, keyframes, planned, curve }).calls.length < most, "with as many edits");
  }
});

test("a strip of one frame, and one without keyframes", () => {
  assert.deepEqual(lines(drawn({ count: 1, keyframes: [0] }), KEYFRAME), [WIDTH / 2]);
  assert.equal(lines(drawn({ count: 9, keyframes: [] }), KEYFRAME).length, 0);
});
