import assert from "node:assert/strict";
import test from "node:test";
import { gapAround, hiding, holding, movedFrom, pasting, showing, speeding, toggled } from "../../web/js/editing/span_edits.js";
import { spanOf } from "../../web/js/editing/edit_value.js";

const hide = (from, to) => ({ do: "hide", person: 1, joint: "nose", from, to });

test("a key is made where the joint is then, with what keys beside it do there", () => {
  const first = { do: "move", frame: 10, person: 1, joint: "nose", by: [0.2, 0] };
  const made = movedFrom([first], { frame: 12, person: 1, joint: "nose", by: [0.01, 0.02] });
  assert.deepEqual(made[1].by, [0.11, 0.02], "half of the key before is left there");
  const again = movedFrom(made, { frame: 12, person: 1, joint: "nose", by: [0, 0.01] });
  assert.deepEqual(again[1].by, [0.11, 0.03]);
  assert.equal(again.length, 2);
});

test("a key in a marked span fades within it; keys that are there keep their fade", () => {
  const move = { frame: 9, person: 1, joint: "nose", by: [0.1, 0] };
  const [made] = movedFrom([], move, [8, 9]);
  assert.deepEqual([made.before, made.after], [2, 1]);
  assert.deepEqual(spanOf(made), [8, 9], "no frame outside changes");
  const [again] = movedFrom([made], move, [2, 20]);
  assert.deepEqual([again.before, again.after], [2, 1]);
  for (const span of [null, undefined, [10, 12]]) assert.equal(movedFrom([], move, span)[0].before, undefined);
});

test("hidden spans that touch become one, and a shown frame parts them", () => {
  const one = hiding(hiding([], 1, "nose", [3, 5]), 1, "nose", [6, 6]);
  assert.deepEqual(one, [hide(3, 6)]);
  assert.deepEqual(hiding(one, 2, "nose", [6, 7]).length, 2);
  assert.deepEqual(showing(one, 1, "nose", [4, 4]), [hide(3, 3), hide(5, 6)]);
  assert.deepEqual(showing([], 1, "nose", [4, 9]), [{ ...hide(4, 9), do: "show" }]);
});

test("a pose that is pasted replaces one that was pasted there", () => {
  const once = pasting([], { frame: 8, person: 1 }, { frame: 2, person: 1 });
  assert.deepEqual(once, [{ do: "pose", frame: 8, of: 2, person: 1 }]);
  assert.deepEqual(pasting(once, { frame: 8, person: 1 }, { frame: 3, person: 2 }), [{ do: "pose", frame: 8, of: 3, person: 1, of_person: 2 }]);
});

test("holds add up, speeds multiply and go when they are usual", () => {
  assert.deepEqual(holding(holding([], 4, 12), 4, 12), [{ do: "hold", frame: 4, frames: 24 }]);
  const twice = speeding([], [2, 9], 2);
  assert.equal(speeding(twice, [2, 9], 2)[0].factor, 4);
  assert.equal(speeding(speeding(twice, [2, 9], 4), [2, 9], 4)[0].factor, 10, "no faster than that");
  assert.deepEqual(speeding(twice, [2, 9], 0.5), []);
});

test("a second press takes back the first", () => {
  const mirror = { do: "mirror", person: 1, from: 2, to: 5 };
  assert.deepEqual(toggled([], mirror), [mirror]);
  assert.deepEqual(toggled([{ ...mirror, fade: 7 }], mirror), []);
});

test("a gap is as long as the joint is missing", () => {
  const confidences = new Uint8Array(10).fill(255);
  confidences.fill(0, 3, 7);
  const motion = { frames: 10, people: 1, joints: 1, confidences };
  assert.deepEqual(gapAround(motion, 5, 1, 0), [3, 6]);
  assert.deepEqual(gapAround(motion, 1, 1, 0), [1, 1]);
});
