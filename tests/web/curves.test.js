import assert from "node:assert/strict";
import { test } from "node:test";
import { channelOf, limbOf, parentOf, placeOf, turnedBy } from "../../web/js/editing/channels.js";
import { levelled, raised, riseAt, sloped, slopeOf } from "../../web/js/editing/curve_pull.js";
import { Heights, armsOf, curveHit, drawCurves, gridOf, rangeOf, valueLabel } from "../../web/js/editing/draw_curves.js";
import { BODY_JOINTS } from "../../web/js/editing/joints.js";
import { lanesOf } from "../../web/js/editing/timeline_lanes.js";
import { Scale, wholeView } from "../../web/js/editing/timeline_scale.js";
import { offsetAt } from "../../web/js/editing/tracks.js";
import { random, recorder, whole } from "./recorder.js";

const [WIDTH, HEIGHT] = [400, 120];
const BLUE = "#3b8ff0";
const key = (frame, more = {}) => ({ do: "move", frame, person: 1, joint: "left_wrist", by: [0.1, 0], ...more });
const keysOf = (edits) => lanesOf({ edits, person: 1, joint: "left_wrist", frameCount: 300 }).strong;
const near = (a, b, within = 1e-6) => assert.ok(Math.abs(a - b) < within, `${a} is not ${b}`);

/** A motion of one person; `places(frame, joint)` is [x, y] or nothing. */
function motionOf(frames, places, width = 1920, height = 1080) {
  const motion = { frames, people: 1, joints: 60, width, height, places: new Uint16Array(120 * frames), confidences: new Uint8Array(60 * frames) };
  for (let point = 0; point < 60 * frames; point++) {
    const place = places(Math.floor(point / 60), point % 60);
    if (!place) continue;
    motion.confidences[point] = 255;
    place.forEach((part, axis) => (motion.places[2 * point + axis] = Math.round((part + 0.5) * 32767.5)));
  }
  return motion;
}

test("every joint but the root hangs on another, up to the root", () => {
  for (const joint of [...BODY_JOINTS, "left_hand_0", "right_hand_20", "left_hand_5"]) {
    let [at, steps] = [joint, 0];
    while (parentOf(at)) {
      at = parentOf(at);
      assert.ok(steps++ < 12);
    }
    assert.equal(at, "pelvis");
  }
  assert.deepEqual(["pelvis", "body"].map(parentOf), ["", ""]);
  assert.deepEqual(["left_hand_1", "left_hand_4", "right_hand_9"].map(parentOf), ["left_hand_0", "left_hand_3", "right_hand_0"]);
});

test("x and y are where the joint is, missing where it is missing; a pelvis is the middle of hips", () => {
  const motion = motionOf(3, (frame, joint) => (frame === 1 && joint === 7 ? undefined : [0.1 + frame / 10, joint / 100]));
  const [x, y] = ["x", "y"].map((channel) => channelOf(motion, 1, "left_wrist", channel));
  [x[0], y[0], x[2]].forEach((found, place) => near(found, [0.1, 0.07, 0.3][place], 1e-4));
  assert.ok(Number.isNaN(x[1]) && Number.isNaN(y[1]));
  near(channelOf(motion, 1, "pelvis", "y")[0], (0.08 + 0.11) / 2, 1e-4);
  for (const nobody of [0, 2]) assert.ok(channelOf(motion, nobody, "nose", "x").every(Number.isNaN));
  assert.equal(placeOf({ ...motion, joints: 18 }, 0, 1, "left_hand_3"), undefined);
  assert.ok(channelOf(motion, 1, "pelvis", "angle").every(Number.isNaN));
});

test("an angle is as it is seen, in frames of any shape, and goes on over a full turn", () => {
  const turn = (frame) => ((frame * 25 + 10) * Math.PI) / 180;
  const arm = (frame) => [0.5 + (0.1 * Math.cos(turn(frame)) * 1080) / 1920, 0.5 - 0.1 * Math.sin(turn(frame))];
  const motion = motionOf(40, (frame, joint) => (joint === 6 ? [0.5, 0.5] : joint === 7 && frame !== 9 ? arm(frame) : undefined));
  const angles = channelOf(motion, 1, "left_wrist", "angle");
  angles.forEach((angle, frame) => frame === 9 ? assert.ok(Number.isNaN(angle)) : near(angle, frame * 25 + 10, 0.1));
});

test("a joint that is turned has that angle, and is as far from where it hangs", () => {
  const next = random(2);
  for (let round = 0; round < 200; round++) {
    const limb = { joint: [next(), next()], parent: [next(), next()], aspect: 0.5 + next() };
    const degrees = (next() - 0.5) * 300;
    const by = turnedBy(limb, degrees);
    const pixels = ([x, y]) => [(x - limb.parent[0]) * limb.aspect, limb.parent[1] - y];
    const [before, after] = [pixels(limb.joint), pixels([limb.joint[0] + by[0], limb.joint[1] + by[1]])];
    near(Math.hypot(...after), Math.hypot(...before), 1e-9);
    const turned = Math.atan2(before[0] * after[1] - before[1] * after[0], before[0] * after[0] + before[1] * after[1]);
    near(Math.cos(turned - (degrees * Math.PI) / 180), 1, 1e-9);
  }
});

test("raising a key moves its joint along that channel, and no other", () => {
  const motion = motionOf(2, (_, joint) => [0.3 + joint / 50, 0.4]);
  const limb = limbOf(motion, 0, 1, "left_wrist");
  const by = (channel, amount) => raised([key(3), key(9)], 0, channel, amount, limb)[0].by;
  assert.deepEqual(by("x", 0.05).map((part) => Math.round(part * 1000)), [150, 0]);
  assert.deepEqual(by("y", 0.05).map((part) => Math.round(part * 1000)), [100, 50]);
  const [dx, dy] = by("angle", 90);
  near(dx - 0.1, -0.02, 1e-3);
  near(dy, (-0.02 * 1920) / 1080, 1e-3);
  const edits = [key(3)];
  assert.equal(raised(edits, 0, "angle", 90, undefined), edits, "where it hangs on nothing");
  assert.deepEqual(raised([key(3)], 0, "x", 99)[0].by, [10, 0], "no further than is allowed");
});

test("a slope is how fast the track goes there; levelled it goes by itself", () => {
  const [steep] = sloped([key(10, { before: 8, after: 8 })], 0, "x", 0.01);
  const step = 1e-4;
  near((offsetAt([steep], 10 + step)[0] - offsetAt([steep], 10 - step)[0]) / (2 * step), 0.01, 1e-4);
  assert.deepEqual(steep.slope, [0.01, 0]);
  assert.deepEqual(sloped([steep], 0, "y", 0.5)[0].slope, [0.01, 0.5]);
  assert.deepEqual([slopeOf(steep, "x"), slopeOf(steep, "y"), slopeOf(key(1), "x")], [0.01, 0, 0]);
  assert.equal(levelled([steep], 0)[0].slope, null);
});

test("how fast a curve rises is known next to gaps and ends", () => {
  const values = Float32Array.of(1, 3, 7, NaN, 5, NaN);
  assert.deepEqual([0, 1, 2, 3, 4].map((frame) => riseAt(values, frame)), [2, 3, 4, -1, 0]);
});

test("heights: y goes down as in the frame, and what a pointer means is what is drawn there", () => {
  for (const [channel, down] of [["x", false], ["y", true], ["angle", false]]) {
    const heights = new Heights(-1, 3, HEIGHT, channel);
    near(heights.value(heights.y(1.7)), 1.7);
    assert.equal(heights.y(3) > heights.y(-1), down);
  }
});

test("the range holds all curves in sight with some room, and is never nothing", () => {
  const values = Float32Array.of(0.1, NaN, 0.9, 5);
  const [low, high] = rangeOf([values, Float32Array.of(0.95)], 0, 2, "x");
  assert.ok(low < 0.1 && low > -0.1 && high > 0.95 && high < 1.2);
  for (const flat of [Float32Array.of(0.5, 0.5), Float32Array.of(NaN), new Float32Array()]) {
    const [from, to] = rangeOf([flat], 0, 1, "x");
    assert.ok(to - from >= 0.0399);
  }
});

test("lines of the grid are few and round", () => {
  const next = random(3);
  for (let round = 0; round < 200; round++) {
    const low = (next() - 0.5) * 400;
    const high = low + 10 ** (3 * next() - 2);
    const lines = gridOf({ low, high });
    assert.ok(lines.length >= 1 && lines.length <= 7, `${lines.length} in ${high - low}`);
    assert.ok(lines.every((value) => value >= low - 1e-9 && value <= high + 1e-9));
  }
  assert.deepEqual([valueLabel(0.4123, "x"), valueLabel(-35.4, "angle"), valueLabel(NaN, "y")], ["41.2 %", "-35°", "–"]);
});

test("keys and the ends of the selected one's slope are met where they are drawn", () => {
  const source = Float32Array.from({ length: 300 }, (_, frame) => 0.5 + frame / 3000);
  const edits = [key(40), key(100, { slope: [0.002, 0] }), key(200)];
  const posed = Float32Array.from(source, (value, frame) => (frame === 200 ? NaN : value + offsetAt(edits, frame)[0]));
  const keys = keysOf(edits);
  const scale = new Scale(300, WIDTH, wholeView(300));
  const heights = new Heights(...rangeOf([source, posed], 0, 299, "x"), HEIGHT, "x");
  const state = { channel: "x", source, posed, selected: 1 };
  const hit = (x, y) => curveHit(keys, scale, heights, x, y, state);
  assert.deepEqual([hit(scale.x(40), heights.y(posed[40])).item.index, hit(scale.x(200), HEIGHT - 8).item.index], [0, 2], "also where the joint is missing");
  assert.equal(hit(scale.x(40), heights.y(posed[40]) + 20).part, "");
  const arms = armsOf(keys[1], scale, heights, state);
  assert.deepEqual(arms.map(([x, y]) => hit(x, y).part), ["before", "after"]);
  for (const [x, y] of arms) near(heights.value(y) - posed[100], (scale.exactFrame(x) - 100) * (1 / 3000 + 0.002), 1e-3);
  assert.deepEqual(armsOf(keys[1], scale, heights, { ...state, channel: "angle" }), []);
  for (const slope of [9, -9]) {
    for (const [, y] of armsOf(keysOf([key(100, { slope: [slope, 0] })])[0], scale, heights, state)) assert.ok(y > 7 && y < HEIGHT - 7, "never out of reach");
  }
});

test("curves are drawn where they are known, greatest and least values too, in no more than so much work", () => {
  const next = random(4);
  const source = Float32Array.from({ length: 20_000 }, () => (next() < 0.1 ? NaN : next()));
  source[777] = 40;
  const edits = [...Array(5000).keys()].map(() => key(whole(next, 0, 19_999)));
  const drawn = (view) => {
    const context = recorder();
    const scale = new Scale(20_000, WIDTH, view);
    const heights = new Heights(0, 40, HEIGHT, "x");
    drawCurves(context, WIDTH, HEIGHT, scale, heights, keysOf(edits), { frame: 9, selected: 3, person: 1, channel: "x", source, posed: source }, { ink: "#ddd", paper: "#222" });
    for (const { name, given } of context.calls) for (const value of given) assert.ok(typeof value !== "number" || Number.isFinite(value), name);
    return context;
  };
  for (const view of [wholeView(20_000), { from: 5000, across: 200 }]) assert.ok(drawn(view).calls.length < 60 * WIDTH);
  const tops = drawn(wholeView(20_000)).calls.filter(({ name, strokeStyle, given }) => name === "lineTo" && strokeStyle === BLUE && given[1] <= 8.001);
  assert.equal(tops.length, 1);
});

test("a line is broken by gaps, and a single frame is a dot", () => {
  const posed = Float32Array.of(0.1, 0.2, NaN, 0.3, NaN, 0.4, 0.5);
  const context = recorder();
  const state = { frame: 0, selected: -1, person: 1, channel: "x", source: new Float32Array(), posed };
  drawCurves(context, WIDTH, HEIGHT, new Scale(7, WIDTH, wholeView(7)), new Heights(0, 1, HEIGHT, "x"), [], state, { ink: "#ddd", paper: "#222" });
  assert.equal(context.named("moveTo").length, 3);
  const ends = context.named("lineTo").map(({ given }) => Math.round(new Scale(7, WIDTH, wholeView(7)).frame(given[0])));
  assert.deepEqual(ends, [0, 1, 3, 5, 6]);
});
