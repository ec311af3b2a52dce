import assert from "node:assert/strict";
import test from "node:test";
import { PosedMotion, changedFrames } from "../../web/js/editing/posed_motion.js";
import { offsetAt, tracksOf } from "../../web/js/editing/tracks.js";

const key = (frame, more = {}) => ({ do: "move", frame, person: 1, joint: "left_wrist", by: [0.1, 0], ...more });

function motion(frames = 40, people = 2) {
  const points = frames * people * 18;
  const places = new Uint16Array(2 * points).map((_, at) => 20000 + 300 * ((at >> 1) % 18) + (at % 2) * 700);
  return { frames, frameCount: frames, step: 1, width: 200, height: 100, people, joints: 18, rate: 25, places, confidences: new Uint8Array(points).fill(255) };
}

/** Frames in which two motions differ. */
function differing(one, other) {
  const each = 2 * one.people * one.joints;
  const same = (frame) => one.places.slice(frame * each, (frame + 1) * each).every((place, at) => place === other.places[frame * each + at]);
  return Array.from({ length: one.frames }, (_, frame) => frame).filter((frame) => !same(frame));
}

test("a key fades in and out, and is 0 at the ends of its span", () => {
  const [{ keys }] = tracksOf([key(10)]).values();
  const along = [5, 6, 8, 10, 12, 14, 15].map((frame) => offsetAt(keys, frame)[0]);
  assert.deepEqual([along[0], along[1], along[5], along[6]], [0, 0, 0, 0]);
  assert.equal(along[3], 0.1);
  assert.ok(Math.abs(along[2] - 0.05) < 1e-12 && Math.abs(along[4] - 0.05) < 1e-12);
});

test("keys whose spans meet are joined; others rest between", () => {
  const joined = [...tracksOf([key(18, { by: [0.3, 0] }), key(10)]).values()][0].keys;
  assert.ok(offsetAt(joined, 14)[0] > 0.15);
  const apart = [...tracksOf([key(10), key(19)]).values()][0].keys;
  assert.deepEqual(offsetAt(apart, 14), [0, 0]);
});

test("the later of two keys at a frame counts, and those that are off do not", () => {
  const [{ keys }] = tracksOf([key(3), key(3, { by: [0.2, 0] }), key(5, { off: true })]).values();
  assert.deepEqual(keys.map(({ by }) => by[0]), [0.2]);
});

test("a guess changes the frames of the span only, and is forgotten", () => {
  const posed = new PosedMotion(motion());
  posed.guess([key(10)], [0, 39]);
  assert.deepEqual(differing(posed.shown, posed.source), [7, 8, 9, 10, 11, 12, 13]);
  posed.forget();
  assert.deepEqual(differing(posed.shown, posed.source), []);
});

test("what the server has told is not guessed once more", () => {
  const posed = new PosedMotion(motion());
  const edits = [key(10)];
  posed.tell(edits, 0, undefined);
  posed.guess(edits, [0, 39]);
  assert.deepEqual(differing(posed.shown, posed.source), []);
  assert.equal(posed.unknown(edits), undefined);
  posed.guess([], [0, 39]);
  assert.deepEqual(differing(posed.shown, posed.source), [7, 8, 9, 10, 11, 12, 13], "a key that was removed");
});

test("only frames that an edit reaches are asked for", () => {
  assert.deepEqual(changedFrames([], [key(10)]), [7, 13]);
  assert.deepEqual(changedFrames([key(10)], [key(10)]), [Infinity, -1]);
  assert.deepEqual(changedFrames([key(10), key(16)], [key(10), key(16, { by: [0, 0] })]), [10, 19]);
  assert.deepEqual(changedFrames([], [{ do: "hold", frame: 3, frames: 9 }]), [Infinity, -1], "a hold poses nothing");
  const swap = { do: "swap", person: 1, with: 2, from: 30 };
  assert.deepEqual(new PosedMotion(motion()).unknown([swap]), [30, 39]);
});
