import assert from "node:assert/strict";
import test from "node:test";
import { moveJoint } from "../../web/js/editing/pose_drag.js";

/** Someone who stands, arms a little bent; in frame heights. */
function standing(joints = 60) {
  const body = [
    [0.5, 0.15], [0.5, 0.25], [0.42, 0.25], [0.38, 0.38], [0.4, 0.5], [0.58, 0.25], [0.62, 0.38], [0.6, 0.5], [0.45, 0.52],
    [0.44, 0.7], [0.45, 0.88], [0.55, 0.52], [0.56, 0.7], [0.55, 0.88], [0.49, 0.14], [0.51, 0.14], [0.47, 0.15], [0.53, 0.15],
  ];
  const hand = ([x, y]) => Array.from({ length: 21 }, (_, place) => [x + 0.002 * (place % 4), y + 0.01 * Math.ceil(place / 4)]);
  const all = [...body, ...hand(body[7]), ...hand(body[4])].slice(0, joints);
  return { x: Float64Array.from(all, ([x]) => x), y: Float64Array.from(all, ([, y]) => y), found: new Uint8Array(joints).fill(200) };
}

const BONES = [[1, 2], [2, 3], [3, 4], [1, 5], [5, 6], [6, 7], [8, 9], [9, 10], [11, 12], [12, 13], [1, 0], [0, 14], [14, 16], [7, 18], [18, 22], [4, 39]];
const length = ({ x, y }, [a, b]) => Math.hypot(x[a] - x[b], y[a] - y[b]);

function moved(joint, by, { stretch, missing = [], joints } = {}) {
  const before = standing(joints);
  for (const one of missing) before.found[one] = 0;
  const after = { ...before, x: before.x.slice(), y: before.y.slice() };
  moveJoint(after, joint, by, stretch);
  const changed = [...before.x.keys()].filter((one) => Math.hypot(after.x[one] - before.x[one], after.y[one] - before.y[one]) > 1e-9);
  return { before, after, changed };
}

const near = (found, wanted) => assert.ok(Math.abs(found - wanted) < 1e-6, `${found} is not ${wanted}`);

test("bones keep their lengths, whatever is moved", () => {
  const names = ["right_wrist", "left_ankle", "left_elbow", "right_knee", "right_shoulder", "neck", "nose", "left_ear", "left_hand_6", "body"];
  for (const name of names) {
    const { before, after } = moved(name, [0.05, -0.07]);
    for (const bone of BONES) near(length(after, bone), length(before, bone));
  }
});

test("a wrist comes where it is moved, and no other limb does anything", () => {
  const { after, changed } = moved("right_wrist", [0.01, -0.05], { joints: 18 });
  near(after.x[4], 0.41);
  near(after.y[4], 0.45);
  assert.deepEqual(changed, [3, 4]);
});

test("a wrist that is moved too far points there with a straight arm", () => {
  const { after } = moved("left_wrist", [3, 0]);
  const way = (from, to) => Math.atan2(after.y[to] - after.y[from], after.x[to] - after.x[from]);
  near(way(5, 6), way(6, 7));
});

test("an arm bends to the side to which it was bent", () => {
  for (const [name, sign] of [["right_wrist", -1], ["left_wrist", 1]]) {
    const { after } = moved(name, [0, -0.1]);
    const [root, middle, end] = sign < 0 ? [2, 3, 4] : [5, 6, 7];
    const { x, y } = after;
    const side = (x[end] - x[root]) * (y[middle] - y[root]) - (y[end] - y[root]) * (x[middle] - x[root]);
    assert.equal(Math.sign(side), -sign);
  }
});

test("the feet stay when the pelvis moves, and all else goes along", () => {
  const { before, after, changed } = moved("pelvis", [0.02, 0.03]);
  for (const ankle of [10, 13]) assert.ok(!changed.includes(ankle));
  for (const joint of [0, 1, 4, 8, 11, 20, 45]) near(after.y[joint] - before.y[joint], 0.03);
});

test("stretched, a joint goes alone", () => {
  assert.deepEqual(moved("right_elbow", [0.1, 0], { stretch: true }).changed, [3]);
});

test("a joint that is missing moves nothing and is not moved", () => {
  assert.deepEqual(moved("right_wrist", [0.1, 0], { missing: [4] }).changed, []);
  assert.deepEqual(moved("right_wrist", [0.01, 0], { missing: [2, 3], joints: 18 }).changed, [4]);
});
