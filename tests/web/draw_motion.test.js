import assert from "node:assert/strict";
import { test } from "node:test";
import { COLOURS, drawMotion, fitted } from "../../web/js/draw_motion.js";
import { random, recorder, whole } from "./recorder.js";

const BOX = { x: 10, y: 20, width: 200, height: 100 };
const BONES = 17;

function motion({ frames = 1, people = 1, joints = 18 }, confidence = () => 255) {
  const points = frames * people * joints;
  const places = new Uint16Array(2 * points).map((_, at) => 16384 + ((at * 7919) % 32768)); // within the frame
  const confidences = new Uint8Array(points).map((_, point) => confidence(point));
  return { frames, people, joints, places, confidences, width: 320, height: 160 };
}

function drawn(given, frame = 0, look = { line: 2 }) {
  const context = recorder();
  drawMotion(context, given, frame, BOX, look);
  return context;
}

test("a whole person is 17 bones and 18 joints within the frame, in one colour", () => {
  const context = drawn(motion({}));
  assert.equal(context.named("stroke").length, BONES);
  assert.equal(context.named("fill").length, 18);
  for (const { given } of [...context.named("moveTo"), ...context.named("lineTo"), ...context.named("arc")]) {
    assert.ok(given[0] >= BOX.x && given[0] <= BOX.x + BOX.width && given[1] >= BOX.y && given[1] <= BOX.y + BOX.height);
  }
  assert.deepEqual([...new Set(context.named("stroke").map((call) => call.strokeStyle))], [COLOURS[0]]);
  assert.equal(context.globalAlpha, 1, "what comes after is not faint");
});

test("joints lie where the file says", () => {
  const given = motion({});
  given.places.set([16384, 49151, 32768, 32767], 0); // -0.5 .. 1.5: near 0, 1, 0.5, 0.5
  const [first, second] = drawn(given).named("arc");
  assert.deepEqual([first, second].map((call) => call.given.slice(0, 2).map(Math.round)), [[10, 120], [110, 70]]);
});

test("what is missing is not drawn, nor a bone to it", () => {
  const context = drawn(motion({}, (joint) => (joint === 1 ? 0 : 255))); // the neck holds five of them and the nose
  assert.equal(context.named("arc").length, 17);
  assert.equal(context.named("stroke").length, BONES - 5);
  assert.equal(drawn(motion({}, () => 0)).calls.length, 0);
});

test("the surer, the more opaque", () => {
  const alphas = [1, 64, 128, 255].map((confidence) => drawn(motion({}, () => confidence)).named("fill")[0].globalAlpha);
  assert.ok(alphas.every((alpha, at) => alpha > 0.2 && alpha <= 1 && (!at || alpha > alphas[at - 1])));
  assert.equal(alphas.at(-1), 1);
  assert.equal(drawn(motion({}), 0, { line: 2, opacity: 0.5 }).named("fill")[0].globalAlpha, 0.5);
});

test("people differ in colour, fingers are thin, and before is grey", () => {
  const context = drawn(motion({ people: 9, joints: 60 }));
  const strokes = context.named("stroke");
  assert.equal(strokes.length, 9 * (BONES + 2 * 20));
  assert.deepEqual([...new Set(strokes.map((call) => call.strokeStyle))], COLOURS);
  assert.deepEqual(new Set(strokes.map((call) => call.lineWidth)), new Set([2, 1]));
  const grey = drawn(motion({ people: 2 }), 0, { line: 2, colour: "#888" }).named("stroke");
  assert.deepEqual([...new Set(grey.map((call) => call.strokeStyle))], ["#888"]);
});

test("a frame of 20 000 is as much work as the only one", () => {
  const only = drawn(motion({ people: 4 })).calls.length;
  assert.equal(drawn(motion({ people: 4, frames: 20_000 }), 19_999).calls.length, only);
});

test("the frame fits into any canvas, in its own proportions, in the middle", () => {
  const next = random(5);
  for (let round = 0; round < 500; round++) {
    const given = { width: whole(next, 1, 4000), height: whole(next, 1, 4000) };
    const [across, down, margin] = [whole(next, 0, 900), whole(next, 0, 900), whole(next, 0, 8)];
    const box = fitted(given, across, down, margin);
    assert.ok(box.width >= 0 && box.height >= 0);
    assert.ok(box.width <= Math.max(across - 2 * margin, 0) + 1e-9 && box.height <= Math.max(down - 2 * margin, 0) + 1e-9);
    assert.ok(Math.abs(box.x - (across - box.width - box.x)) < 1e-9 && Math.abs(box.y - (down - box.height - box.y)) < 1e-9);
    assert.ok(Math.abs(box.width * given.height - box.height * given.width) < 1e-6 * given.width * given.height);
  }
});
