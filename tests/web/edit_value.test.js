import assert from "node:assert/strict";
import { test } from "node:test";
import {
  changed, formatEdits, joined, keyAt, moveBy, movedTo, parseEdits, reachOf, spanOf, without, withEdit,
} from "../../web/js/editing/edit_value.js";
import { BODY_JOINTS } from "../../web/js/editing/joints.js";
import { random, whole } from "./recorder.js";

const key = (frame, more = {}) => ({ do: "move", frame, person: 1, joint: "left_wrist", by: [0.1, 0], ...more });
const EVERY = [
  key(3, { before: 2, slope: [0.1, 0], stretch: true, replace: true }),
  { do: "pose", frame: 9, of: 2, person: 1, of_person: 2, place: true },
  { do: "show", person: 1, joint: "body", from: 2, to: 2 },
  { do: "hide", person: 3, joint: "left_hand_20", from: 0, to: 9 },
  { do: "repair", from: 1, to: 4 },
  { do: "mirror", person: 2, from: 1, to: 4, fade: 0 },
  { do: "swap", person: 1, with: 2, from: 7 },
  { do: "swap", person: 1, with: 2, from: 7, to: 9, off: true },
  { do: "drop", person: 1 },
  { do: "keep", person: 2 },
  { do: "hold", frame: 5, frames: 12 },
  { do: "speed", from: 1, to: 4, factor: 0.5 },
  { do: "delete", from: 1, to: 4 },
];
const value = (edits, version = 1) => JSON.stringify({ version, edits });
const problem = (edits) => parseEdits(typeof edits === "string" ? edits : value(edits)).problem;

test("every kind of edit is read as it was written, and none is an empty text", () => {
  assert.deepEqual(parseEdits(formatEdits(EVERY)), { edits: EVERY, problem: "" });
  assert.equal(formatEdits([]), "");
  for (const nothing of ["", " \n", value([])]) assert.deepEqual(parseEdits(nothing), { edits: [], problem: "" });
});

test("usual values are left out, and numbers have four decimals", () => {
  const usual = key(3, { by: [0.123456, -0.00001], before: 4, after: 4, replace: false, stretch: false, slope: null, off: false });
  assert.equal(formatEdits([usual]), value([key(3, { by: [0.1235, 0] })]));
  const to = { do: "swap", person: 1, with: 2, from: 7, to: null };
  assert.equal(formatEdits([to]), value([{ do: "swap", person: 1, with: 2, from: 7 }]));
});

test("no edit takes more than 200 bytes", () => {
  const longest = key(19_999, { person: 12, joint: "right_shoulder", by: [-0.123456, -0.123456], before: 9999, after: 9999, replace: true, stretch: true, slope: [-0.12345, -0.12345], off: true });
  assert.ok(formatEdits([longest, longest]).length - formatEdits([longest]).length <= 200);
});

test("what cannot be edited here says why", () => {
  for (const broken of ["{", "null", "[]", "3", '"x"', value([], 0), '{"version":1,"edit":[]}', '{"edits":{}}', '{"version":1,"edits":[NaN]}']) {
    assert.ok(problem(broken), broken);
    assert.deepEqual(parseEdits(broken).edits, []);
  }
  assert.match(problem(value([], 2)), /newer/);
  assert.match(problem(value([{ do: "not yet known" }], 2)), /newer/);
});

test("a wrong, missing or unknown field of any edit is told", () => {
  for (const edit of EVERY) {
    assert.ok(problem([null, edit]) && problem([[], edit]) && problem([{ ...edit, do: "fly" }]) && problem([{ ...edit, colour: 1 }]));
    for (const name of Object.keys(edit)) assert.ok(problem([edit, { ...edit, [name]: "no" }]), name);
    const required = Object.keys(edit).filter((name) => problem([{ ...edit, [name]: undefined }]));
    assert.ok(required.includes("do"));
  }
  const wrong = [
    key(-1), key(1.5), key(1, { person: 0 }), key(1, { joint: "tail" }), key(1, { joint: "left_hand_21" }), key(1, { by: [1] }), key(1, { by: [1, 11] }), key(1, { by: [1, "1"] }),
    key(1, { by: [1, null] }), key(1, { before: 0 }), { do: "hold", frame: 1, frames: 0 }, { do: "speed", from: 1, to: 2, factor: 0 },
    { do: "delete", from: 3, to: 2 }, { do: "swap", person: 0, with: 1, from: 1 }, { do: "repair", from: 1 },
  ];
  for (const edit of wrong) assert.ok(problem([edit]), JSON.stringify(edit));
});

test("moves add up in the key that is there, and nothing that was given is changed", () => {
  const next = random(5);
  for (let round = 0; round < 100; round++) {
    let edits = [];
    const sums = new Map();
    for (let step = 0; step < 20; step++) {
      const move = { frame: whole(next, 0, 4), person: whole(next, 1, 2), joint: BODY_JOINTS[whole(next, 0, 2)], by: [next() - 0.5, next() - 0.5] };
      const before = JSON.stringify(edits);
      const after = moveBy(edits, move);
      assert.equal(JSON.stringify(edits), before);
      edits = after;
      const name = `${move.frame} ${move.person} ${move.joint}`;
      sums.set(name, (sums.get(name) ?? [0, 0]).map((sum, axis) => sum + move.by[axis]));
    }
    assert.equal(edits.length, sums.size);
    for (const [name, sum] of sums) {
      const [frame, person, joint] = name.split(" ");
      const { by } = edits[keyAt(edits, { frame: Number(frame), person: Number(person), joint })];
      for (const axis of [0, 1]) assert.ok(Math.abs(by[axis] - sum[axis]) < 1e-3);
    }
  }
});

test("a further move keeps a key's span unless it gives one, and puts on what was off", () => {
  const edits = [key(3, { before: 9, off: true })];
  assert.deepEqual(moveBy(edits, { ...key(3), do: undefined, after: 6 }), [key(3, { by: [0.2, 0], before: 9, after: 6 })]);
  assert.deepEqual(moveBy([], { frame: 1, person: 2, joint: "neck", by: [0, 1], before: undefined }), [{ do: "move", frame: 1, person: 2, joint: "neck", by: [0, 1] }]);
});

test("a key at a frame is the later of two, of that person and joint", () => {
  const edits = [key(3), key(3, { person: 2 }), key(3, { joint: "neck" }), key(3), key(4)];
  assert.equal(keyAt(edits, key(3)), 3);
  assert.equal(keyAt(edits, key(5)), -1);
  assert.equal(keyAt([{ do: "hold", frame: 3, frames: 1 }], key(3)), -1);
});

test("a key that is put on another of its joint takes its place; others stay", () => {
  const edits = [key(3), key(5), key(5, { person: 2 }), key(3, { joint: "neck" })];
  assert.deepEqual(movedTo(edits, 0, 5), { edits: [key(5), key(5, { person: 2 }), key(3, { joint: "neck" })], index: 0 });
  assert.deepEqual(movedTo(edits, 1, 3), { edits: [key(3), key(5, { person: 2 }), key(3, { joint: "neck" })], index: 0 });
  assert.deepEqual(movedTo(edits, 3, 5).edits.length, 4);
  const holds = [{ do: "hold", frame: 1, frames: 2 }, { do: "hold", frame: 5, frames: 2 }];
  assert.equal(movedTo(holds, 0, 5).edits.length, 2);
});

test("edits are changed, taken out and added without those before", () => {
  const edits = [key(1), key(2)];
  assert.deepEqual(changed(edits, 1, { after: 7 }), [key(1), key(2, { after: 7 })]);
  assert.deepEqual(without(edits, 0), [key(2)]);
  assert.deepEqual(withEdit(edits, key(3)), [key(1), key(2), key(3)]);
  assert.deepEqual(edits, [key(1), key(2)]);
});

test("spans", () => {
  const spans = EVERY.map((edit) => [edit.do, ...spanOf(edit)]);
  assert.deepEqual(spans, [
    ["move", 2, 6], ["pose", 6, 12], ["show", 2, 2], ["hide", 0, 9], ["repair", 1, 4], ["mirror", 1, 4], ["swap", 7, Infinity],
    ["swap", 7, 9], ["drop", 0, Infinity], ["keep", 0, Infinity], ["hold", 5, 5], ["speed", 1, 4], ["delete", 0, 7],
  ]);
  assert.deepEqual(spanOf(key(0, { after: 1 })), [0, 0]);
});

test("a key reaches to the keys that it is joined with", () => {
  const edits = [key(30), key(10, { after: 1 }), key(20, { before: 9 }), key(19, { joint: "neck" }), key(21, { off: true })];
  assert.ok(joined(edits[1], edits[2]) && !joined(edits[2], edits[0]));
  assert.deepEqual(reachOf(edits, 1), [7, 20]);
  assert.deepEqual(reachOf(edits, 2), [10, 23]);
  assert.deepEqual(reachOf(edits, 0), [27, 33]);
});

test("what is repaired shows in poses that are copied from there", () => {
  const edits = [{ do: "repair", from: 10, to: 20 }, { do: "pose", frame: 50, of: 20, person: 1 }, { do: "pose", frame: 90, of: 21, person: 1 }];
  assert.deepEqual(reachOf(edits, 0), [10, 53]);
});
