import assert from "node:assert/strict";
import { test } from "node:test";
import { counterpart, frameAt, placeX, placeY, readMotion, seconds } from "../../web/js/motion_file.js";
import { random, whole } from "./recorder.js";

/** A file as nodes/motion/preview.py describes it. */
function file({ frames = 0, frameCount = frames, step = 1, people = 1, joints = 18, rate = 25, extra = 0 }) {
  const points = frames * people * joints;
  const view = new DataView(new ArrayBuffer(36 + 5 * points + extra));
  [..."FMP1"].forEach((letter, at) => view.setUint8(at, letter.charCodeAt(0)));
  [frames, frameCount, step, 640, 360].forEach((value, at) => view.setUint32(4 + 4 * at, value, true));
  view.setUint16(24, people, true);
  view.setUint16(26, joints, true);
  view.setFloat64(28, rate, true);
  for (let at = 0; at < 2 * points; at++) view.setUint16(36 + 2 * at, (at * 97) % 65536, true);
  return view.buffer;
}

test("a file is read as it was written", () => {
  const motion = readMotion(file({ frames: 3, frameCount: 6, step: 2, people: 2, rate: 12.5 }));
  const { frames, frameCount, step, width, height, people, joints, rate } = motion;
  assert.deepEqual([frames, frameCount, step, width, height, people, joints, rate], [3, 6, 2, 640, 360, 2, 18, 12.5]);
  assert.equal(seconds(motion), 6 / 12.5);
  for (const point of [0, 1, 17, 107]) {
    assert.ok(Math.abs(placeX(motion, point) - (((2 * point * 97) % 65536) / 65535) * 2 + 0.5) < 1e-12);
    assert.ok(Math.abs(placeY(motion, point) - ((((2 * point + 1) * 97) % 65536) / 65535) * 2 + 0.5) < 1e-12);
  }
});

test("nothing to see is a motion too", () => {
  for (const empty of [{ frames: 0 }, { frames: 5, people: 0 }]) assert.equal(readMotion(file(empty)).confidences.length, 0);
});

test("what is something else, or cut short, is refused", () => {
  for (const bytes of [0, 3, 35, 50]) assert.throws(() => readMotion(new ArrayBuffer(bytes)), /is no motion/);
  assert.throws(() => readMotion(new TextEncoder().encode(JSON.stringify({ error: "x".repeat(40) })).buffer), /is no motion/);
  for (const extra of [-1, 1, 4]) assert.throws(() => readMotion(file({ frames: 2, extra })), /cut short/);
});

test("time and frames", () => {
  const next = random(2);
  for (let round = 0; round < 500; round++) {
    const frames = whole(next, 1, 3000);
    const step = whole(next, 1, 9);
    const motion = { frames, step, frameCount: frames * step, rate: 1 + 60 * next() };
    const frame = whole(next, 0, frames - 1);
    const time = (frame * step) / motion.rate;
    assert.equal(frameAt(motion, time, true), frame, "the moment of a frame shows it");
    assert.equal(frameAt(motion, time, false), frame);
    assert.equal(frameAt(motion, time + seconds(motion), true), frame, "so does the next round");
    assert.equal(frameAt(motion, time + seconds(motion), false), frames - 1, "without loop the last stays");
  }
});

test("the frame before an edit that changed the length is as far in the clip", () => {
  const next = random(3);
  for (let round = 0; round < 500; round++) {
    const [motion, other] = [0, 0].map(() => {
      const frames = whole(next, 1, 2000);
      return { frames, frameCount: frames };
    });
    const found = [...Array(motion.frames).keys()].map((frame) => counterpart(motion, frame, other));
    assert.ok(found.every((frame) => frame >= 0 && frame < other.frames));
    assert.ok(found.every((frame, at) => !at || frame >= found[at - 1]), "time does not run back");
    assert.equal(found[0], 0);
    if (motion.frames > 1) assert.equal(found.at(-1), other.frames - 1);
    if (motion.frames === other.frames) assert.ok(found.every((frame, at) => frame === at));
  }
});
