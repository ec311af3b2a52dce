import assert from "node:assert/strict";
import { test } from "node:test";
import { applyEdits, formatEdits, isShotEnd, outside, parseEdits, toggleFrame } from "../../web/js/keyframe_edits.js";
import { random, whole } from "./recorder.js";

test("words that are no edits are named", () => {
  assert.deepEqual(parseEdits("+12, -20 12 +x +1.5 --3 -12").wrong, ["12", "+x", "+1.5", "--3", "-12"]);
  assert.deepEqual(parseEdits(" \n").wrong, []);
});

test("clicks: twice is never, text and frames agree, and no edit is one that the plan does anyway", () => {
  const next = random(4);
  for (let round = 0; round < 300; round++) {
    const count = whole(next, 1, 400);
    const planned = [...Array(count).keys()].filter(() => next() < 0.25);
    const frames = new Set(planned);
    let text = "";
    for (let click = 0; click < 12; click++) {
      const frame = whole(next, 0, count - 1);
      const once = toggleFrame(planned, text, frame);
      assert.equal(toggleFrame(planned, once, frame), text);
      if (!frames.delete(frame)) frames.add(frame);
      text = once;
      const { wanted, wrong } = parseEdits(text);
      assert.deepEqual(wrong, []);
      assert.equal(formatEdits(wanted), text);
      assert.deepEqual(applyEdits(planned, wanted), [...frames].sort((a, b) => a - b));
      for (const [each, add] of wanted) assert.notEqual(planned.includes(each), add);
    }
  }
});

test("edits of a longer clip", () => {
  assert.deepEqual(outside(parseEdits("+3 -99 +10").wanted, 10), [99, 10]);
});

test("the ends of shots", () => {
  const plan = { frame_count: 10, cuts: [4] };
  assert.deepEqual([...Array(10).keys()].filter((frame) => isShotEnd(plan, frame)), [0, 3, 4, 9]);
});
