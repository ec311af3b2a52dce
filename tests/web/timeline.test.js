import assert from "node:assert/strict";
import { test } from "node:test";
import { TROUBLE_COLOURS, drawTimeline } from "../../web/js/editing/draw_timeline.js";
import { editWords, jointWords, troubleWords } from "../../web/js/editing/edit_words.js";
import { formatEdits, parseEdits } from "../../web/js/editing/edit_value.js";
import { BODY_JOINTS } from "../../web/js/editing/joints.js";
import { KEYS, SPAN, handlesOf, heightOf, hitAt, inOrder, lanesOf, sidesOf, tops, within } from "../../web/js/editing/timeline_lanes.js";
import { pulled } from "../../web/js/editing/timeline_pull.js";
import { MARGIN, Scale, fittedView, rulerOf, scrolled, secondsLabel, showing, wholeView, zoomed } from "../../web/js/editing/timeline_scale.js";
import { random, recorder, whole } from "./recorder.js";

const WIDTH = 400;
const BLUE = "#3b8ff0";
const LOOK = { ink: "#ddd", paper: "#222" };
const key = (frame, more = {}) => ({ do: "move", frame, person: 1, joint: "left_wrist", by: [0.1, 0], ...more });
const cut = (from, to, more = {}) => ({ do: "delete", from, to, ...more });
const STATE = { person: 1, joint: "left_wrist", frameCount: 300, troubles: [], notes: [], edits: [] };
const lanes = (state) => lanesOf({ ...STATE, ...state });
const scaleOf = (count, view = wholeView(count), width = WIDTH) => new Scale(count, width, view);

function drawn(state, view) {
  const context = recorder();
  const all = { ...STATE, frame: 0, rate: 25, selected: -1, span: null, ...state };
  drawTimeline(context, WIDTH, scaleOf(all.frameCount, view), lanesOf(all), all, LOOK);
  return context;
}

/** Where boxes and rectangles of a colour are. */
const boxes = (context, colour) => context.calls.filter((call) => call.name === "roundRect" && call.fillStyle === colour).map((call) => call.given);
/** The tops of diamonds of a colour: x of each. */
function diamonds(context, colour = BLUE) {
  const { calls } = context;
  return calls.filter((call, at) => call.name === "lineTo" && call.fillStyle === colour && calls[at - 1].name === "beginPath").map((call) => call.given[0]);
}

test("a pointer on a frame means that frame, however near", () => {
  const next = random(1);
  for (let round = 0; round < 500; round++) {
    const count = whole(next, 1, 20_000);
    const view = fittedView({ from: next() * count, across: next() * count }, count);
    const scale = scaleOf(count, view, whole(next, 60, 900));
    const frame = whole(next, 0, count - 1);
    assert.equal(scale.frame(scale.x(frame)), frame);
    const anywhere = scale.frame(whole(next, -99, 999));
    assert.ok(Number.isInteger(anywhere) && anywhere >= 0 && anywhere < count);
    assert.ok(scale.first >= 0 && scale.last < count && scale.first <= Math.ceil(view.from) && scale.last >= Math.floor(view.from));
  }
});

test("zoom leaves the frame under the pointer where it is, and the view in the clip", () => {
  const next = random(2);
  for (let round = 0; round < 300; round++) {
    const count = whole(next, 2, 20_000);
    let view = wholeView(count);
    for (let step = 0; step < 8; step++) {
      const frame = view.from + next() * view.across;
      const before = scaleOf(count, view).x(frame);
      const to = zoomed(view, count, 0.3 + 3 * next(), frame);
      const free = to.from > 0 && to.from + to.across < count - 1;
      if (free) assert.ok(Math.abs(scaleOf(count, to).x(frame) - before) < 1e-6 * count);
      view = scrolled(to, count, (next() - 0.5) * count);
      assert.ok(view.from >= 0 && view.across > 0 && view.from + view.across <= Math.max(1, count - 1) + 1e-9);
    }
  }
});

test("no nearer than a few frames, no further than all", () => {
  let view = wholeView(20_000);
  for (let step = 0; step < 50; step++) view = zoomed(view, 20_000, 2, 7000.5);
  assert.ok(view.across === 12 && view.from < 7000.5 && view.from + view.across > 7000.5);
  for (let step = 0; step < 50; step++) view = zoomed(view, 20_000, 0.5, 0);
  assert.deepEqual(view, wholeView(20_000));
  assert.deepEqual(zoomed(wholeView(5), 5, 9, 2), wholeView(5));
});

test("the view follows a frame that leaves it, and no other", () => {
  const view = { from: 100, across: 50 };
  assert.equal(showing(view, 300, 150), view);
  for (const frame of [99, 151, 0, 299]) {
    const { from, across } = showing(view, 300, frame);
    assert.ok(across === 50 && from <= frame && frame <= from + across);
  }
});

test("numbers on the ruler do not touch, and ticks are where frames are", () => {
  const next = random(3);
  for (let round = 0; round < 300; round++) {
    const count = whole(next, 1, 20_000);
    const scale = scaleOf(count, { from: next() * count, across: next() * count }, whole(next, 100, 900));
    const { labels, ticks, seconds } = rulerOf(scale, 24);
    for (const frame of labels) assert.ok(ticks.includes(frame) && frame < count);
    assert.ok(ticks.every(Number.isInteger) && ticks.length < scale.width / 3 + 3);
    const apart = (places, least) => places.every((x, at) => !at || x - places[at - 1] > least);
    assert.ok(apart(labels.map((frame) => scale.x(frame)), 40));
    assert.ok(apart(seconds.map((second) => scale.x(second * 24)), 50));
    if (count > 100) assert.ok(seconds.length > 0 && labels.length > 0);
  }
  assert.deepEqual([0, 0.5, 70 * 0.1, 12, 59.9, 90, 3600].map(secondsLabel), ["0 s", "0.5 s", "7 s", "12 s", "59.9 s", "1:30", "60:00"]);
});

test("keys of the person are in order of time; the chosen joint's are strong", () => {
  const edits = [key(9), key(3, { joint: "neck" }), key(5, { person: 2 }), key(1, { off: true }), key(4), { do: "pose", frame: 2, of: 8, person: 1 }, key(7)];
  const found = lanes({ edits, notes: [{ edit: 6, why: "gone" }] });
  assert.deepEqual(found.keys.map(({ index, strong }) => [index, strong]), [[3, true], [5, true], [1, false], [4, true], [6, true], [0, true]]);
  assert.deepEqual(found.track.map(({ index }) => index), [4, 0], "those that are on and were not skipped");
  assert.equal(found.keys[4].why, "gone");
});

test("without a person all keys are shown, in the colours of their people; without a joint none has a hill", () => {
  const edits = [key(9), key(30, { person: 2, joint: "neck" }), cut(50, 60), { do: "repair", from: 70, to: 99 }, { do: "repair", person: 2, from: 120, to: 150 }];
  const found = lanes({ edits, person: 0, joint: "" });
  assert.deepEqual([found.strong.length, found.weak.length, found.track.length], [2, 0, 0]);
  const context = drawn({ edits, person: 0, joint: "" });
  const orange = "#f08c1e";
  assert.deepEqual([diamonds(context).length, diamonds(context, orange).length], [1, 1]);
  assert.equal(boxes(context, orange).length, 2, "filled and outlined");
  assert.equal(boxes(context, "#8c8c8c").length, 2);
  assert.equal(lanes({ edits, joint: "" }).track.length, 0);
});

test("spans in a row do not meet, until there are too many", () => {
  const next = random(4);
  const edits = [...Array(200).keys()].map(() => cut(whole(next, 0, 250), 0)).map((edit) => ({ ...edit, to: edit.from + whole(next, 0, 40) }));
  const { rows } = lanes({ edits });
  assert.equal(rows.length, 3);
  assert.equal(rows.flat().length, 200);
  assert.deepEqual(inOrder(lanes({ edits })).map(({ index }) => edits[index].from), edits.map(({ from }) => from).sort((a, b) => a - b));
  for (const row of rows.slice(0, 2)) row.forEach((span, place) => assert.ok(!place || span.from > row[place - 1].to));
  for (let round = 0; round < 100; round++) {
    const first = whole(next, 0, 299);
    const last = Math.min(299, first + whole(next, 0, 50));
    for (const row of rows) {
      const seen = new Set(within(row, first, last));
      for (const span of row) if (span.to >= first && span.from <= last) assert.ok(seen.has(span));
    }
  }
});

test("height: a row of spans at least", () => {
  assert.equal(heightOf(lanes({ edits: [cut(1, 5), cut(3, 9)] })) - heightOf(lanes({})), SPAN);
  assert.equal(heightOf(lanes({ edits: [cut(1, 5)] })), heightOf(lanes({})));
});

test("what is drawn is what a pointer there means", () => {
  const edits = [key(40, { before: 30, after: 9 }), key(80, { joint: "neck" }), cut(100, 160), { do: "hold", frame: 200, frames: 20 }, { do: "drop", person: 2 }];
  const troubles = [{ kind: "jump", person: 1, from: 44, to: 48, badness: 1 }, { kind: "gap", person: 1, from: 40, to: 60, badness: 0.2 }];
  const found = lanes({ edits, troubles });
  const scale = scaleOf(300);
  const top = tops(found);
  const hit = (x, y, state) => hitAt(found, scale, x, y, state);
  const keys = top.keys + KEYS / 2;
  assert.equal(hit(200, 5).part, "ruler");
  assert.equal(hit(scale.x(46), top.troubles + 5).trouble, troubles[0], "the worst of two");
  assert.equal(hit(scale.x(58), top.troubles + 5).trouble, troubles[1]);
  assert.equal(hit(scale.x(90), top.troubles + 5).part, "");
  assert.deepEqual([hit(scale.x(40) + 4, keys).part, hit(scale.x(40) + 4, keys).item.index], ["key", 0]);
  assert.equal(hit(scale.x(80), keys).item.index, 1);
  const [before, after] = handlesOf(found.keys[0], scale);
  assert.equal(hit(before, keys).part, "", "only the selected key has handles");
  assert.deepEqual([before, after].map((x) => hit(x, keys, { selected: 0 }).part), ["before", "after"]);
  assert.equal(hit(scale.x(40), keys, { selected: 0 }).part, "key");

  const rowOf = (index) => top.spans + SPAN * found.rows.findIndex((row) => row.some((span) => span.index === index)) + 5;
  const sides = (index) => sidesOf(found.rows.flat().find((span) => span.index === index), scale);
  const parts = (index) => [sides(index)[0] + 1, (sides(index)[0] + sides(index)[1]) / 2, sides(index)[1] - 1].map((x) => hit(x, rowOf(index)));
  assert.deepEqual(parts(2).map(({ part, item }) => [part, item.index]), [["from", 2], ["span", 2], ["to", 2]]);
  assert.deepEqual(parts(3).map(({ part }) => part), ["span", "span", "to"]);
  assert.deepEqual(parts(4).map(({ part }) => part), ["span", "span", "span"]);
  assert.equal(hit(200, top.overview + 3).part, "overview");
  assert.deepEqual([hit(sidesOf({ from: 50, to: 90 }, scale)[0], 9, { span: [50, 90] }).part, hit(sidesOf({ from: 50, to: 90 }, scale)[1], 9, { span: [50, 90] }).part], ["start", "end"]);
});

test("of keys that lie together, the selected one, then one of the joint is meant", () => {
  const found = lanes({ edits: [key(40, { joint: "neck" }), key(40), key(41, { joint: "neck" })] });
  const scale = scaleOf(300);
  const at = (selected) => hitAt(found, scale, scale.x(40), tops(found).keys + 9, { selected }).item.index;
  assert.deepEqual([at(-1), at(0), at(2)], [1, 0, 2]);
});

test("pulling and pulling back is nothing, no pull breaks an edit, and all of it stays in the clip", () => {
  const next = random(5);
  const kinds = [
    (f) => key(f, { before: whole(next, 1, 30) }), (f) => ({ do: "pose", frame: f, of: 1, person: 1 }), (f) => ({ do: "hold", frame: f, frames: whole(next, 1, 30) }),
    (f) => cut(f, whole(next, f, 299)), (f) => ({ do: "swap", person: 1, with: 2, from: f }), (f) => ({ do: "speed", from: f, to: f, factor: 2 }), () => ({ do: "drop", person: 1 }),
  ];
  for (let round = 0; round < 2000; round++) {
    const edit = kinds[whole(next, 0, kinds.length - 1)](whole(next, 0, 299));
    const faded = edit.do === "move" || edit.do === "pose";
    const part = (faded ? ["key", "before", "after"] : ["span", "from", "to"])[whole(next, 0, 2)];
    const by = whole(next, -40, 40);
    const both = next() < 0.3;
    const pull = (edits, frames) => pulled(edits, 0, part, frames, 300, both).edits;
    const there = pull([edit], by);
    assert.equal(parseEdits(formatEdits(there)).problem, "", formatEdits(there));
    const { frame = 0, from = 0, to } = there[0];
    assert.ok(frame >= 0 && frame < 300 && from >= 0 && from < 300 && (to ?? 0) < 300);
    assert.deepEqual(pulled([edit], 0, part, 0, 300, both).edits.map((each) => ({ before: 4, after: 4, ...each })), [{ before: 4, after: 4, ...edit }]);
  }
});

test("pulls do what they look like", () => {
  const pull = (edit, ...given) => pulled([edit], 0, ...given).edits[0];
  assert.equal(pull(key(40), "key", 5, 300).frame, 45);
  assert.equal(pull(key(40), "key", 900, 300).frame, 299);
  assert.equal(pull(key(40), "before", -6, 300).before, 10);
  assert.equal(pull(key(40), "after", -6, 300).after, 1);
  const both = pull(key(40, { after: 8 }), "before", -6, 300, true);
  assert.deepEqual([both.before, both.after], [10, 14]);
  assert.deepEqual(pull(cut(10, 20), "from", 4, 300), cut(14, 20));
  assert.deepEqual(pull(cut(10, 20), "from", 40, 300), cut(20, 20));
  assert.deepEqual(pull(cut(10, 20), "to", 4, 300, true), cut(6, 24));
  assert.deepEqual(pull(cut(10, 20), "to", 4, 300), cut(10, 24));
  assert.deepEqual(pull(cut(10, 20), "span", -40, 300), cut(0, 10));
  assert.deepEqual(pull(cut(10, 20), "span", 900, 300), cut(289, 299));
  assert.equal(pull({ do: "hold", frame: 3, frames: 9 }, "to", -20, 300).frames, 1);
  assert.equal(pull({ do: "hold", frame: 3, frames: 9 }, "span", 4, 300).frame, 7);
  const swap = { do: "swap", person: 1, with: 2, from: 10 };
  assert.equal(pull(swap, "to", -4, 300).to, 295);
  assert.deepEqual(pull(swap, "span", 4, 300), { ...swap, from: 14 });
  assert.deepEqual(pulled([key(3), key(9)], 1, "key", -6, 300), { edits: [key(3)], index: 0 }, "it takes the other's place");
});

test("edits that lie beyond a clip that has become shorter can be pulled back", () => {
  const { edits } = pulled([cut(500, 600)], 0, "span", -450, 300);
  assert.deepEqual(edits, [cut(50, 150)]);
  assert.equal(pulled([key(500)], 0, "key", -1, 300).edits[0].frame, 299);
});

test("keys, troubles and spans stand where their frames are, in their colours", () => {
  const edits = [key(40), key(200), key(80, { joint: "neck" }), cut(100, 160)];
  const troubles = [{ kind: "jump", person: 1, from: 44, to: 48, badness: 1 }, { kind: "slide", person: 2, from: 90, to: 90, badness: 0 }];
  const context = drawn({ edits, troubles });
  const scale = scaleOf(300);
  assert.deepEqual(diamonds(context), [80, 40, 200].map((frame) => scale.x(frame)));
  const [[left, , wide]] = boxes(context, TROUBLE_COLOURS.jump);
  assert.ok(Math.abs(left - scale.x(43.5)) < 1 && Math.abs(left + wide - scale.x(48.5)) < 1);
  const [thin] = boxes(context, TROUBLE_COLOURS.slide);
  assert.ok(thin[2] >= 2 && thin[3] < boxes(context, TROUBLE_COLOURS.jump)[0][3], "seen, and lower for it is less bad");
  assert.ok(context.named("fillText").some(({ given }) => given[0] === "Cut out" && given[1] > scale.x(99)));
});

test("an edit that was skipped is hatched, one that is off is faint", () => {
  const fills = (state) => drawn(state).calls.filter(({ name, fillStyle }, at, all) => name === "fill" && fillStyle === BLUE && all[at - 1].name === "closePath");
  const clips = (state) => drawn(state).named("clip").length;
  const [on] = fills({ edits: [key(40)] });
  const [off] = fills({ edits: [key(40, { off: true })] });
  assert.ok(off.globalAlpha < on.globalAlpha / 2);
  assert.equal(fills({ edits: [key(40)], notes: [{ edit: 0, why: "gone" }] }).length, 0);
  for (const edits of [[key(40)], [cut(4, 90)]]) assert.ok(clips({ edits, notes: [{ edit: 0, why: "gone" }] }) > clips({ edits }));
});

test("fades of joined keys are one hill, others have their own; it begins and ends where nothing is changed", () => {
  const hills = (edits, view) => drawn({ edits }, view).named("moveTo").filter(({ fillStyle, globalAlpha }) => fillStyle === BLUE && globalAlpha === 0.22).map(({ given }) => given[0]);
  const scale = scaleOf(300);
  assert.deepEqual(hills([key(40), key(48), key(200, { before: 30 })]), [36, 170].map((frame) => scale.x(frame)));
  assert.equal(hills([key(40), key(49)]).length, 2);
  assert.equal(hills([key(40, { after: 240 }), key(280)], { from: 100, across: 50 }).length, 1, "between two that are out of sight");
});

test("the playhead covers no number, and its own stays whole at the ends", () => {
  for (const frame of [0, 3, 150, 299]) {
    const texts = drawn({ frame, selected: -1 }).named("fillText").filter(({ given }) => given[2] === 10).map(({ given }) => [given[0], given[1]]);
    const [number, x] = texts.pop();
    assert.equal(number, String(frame));
    assert.ok(x > 6 && x < WIDTH - 6);
    for (const [, other] of texts) assert.ok(Math.abs(other - x) > 14);
  }
});

test("20 000 frames and 10 000 edits are no more than so much work, near and far", () => {
  const next = random(6);
  const frame = () => whole(next, 0, 19_999);
  const kinds = [() => key(frame()), () => key(frame(), { joint: "neck" }), () => cut(frame(), 19_999), () => ({ do: "hold", frame: frame(), frames: 5 })];
  const edits = [...Array(10_000).keys()].map((place) => kinds[place % 4]());
  const troubles = [...Array(500).keys()].map(() => ({ kind: "jump", person: 1, from: 5, to: frame() + 5, badness: next() }));
  for (const view of [wholeView(20_000), { from: 9000, across: 300 }, { from: 9000, across: 12 }]) {
    assert.ok(drawn({ frameCount: 20_000, edits, troubles, selected: 3 }, view).calls.length < 60 * WIDTH);
  }
});

test("clips of one frame and of none, and edits that lie outside", () => {
  for (const frameCount of [0, 1, 2]) {
    const edits = [key(0), key(99), cut(50, 60), { do: "swap", person: 1, with: 2, from: 70 }];
    const context = drawn({ frameCount, edits, selected: 1 });
    for (const { given } of context.calls) for (const value of given) assert.ok(typeof value !== "number" || Number.isFinite(value));
  }
  assert.equal(scaleOf(1).x(0), WIDTH / 2);
  assert.ok(MARGIN < WIDTH / 2);
});

test("everything has words", () => {
  const names = [...BODY_JOINTS, "pelvis", "body", "left_hand_3", "right_hand_20"].map(jointWords);
  assert.equal(new Set(names).size, names.length);
  assert.ok(names.every((name) => !name.includes("_")));
  assert.equal(editWords(key(52, { before: 6, off: true }), "nobody there"), "left wrist · frame 52 · frames of fade: 6 in, 4 out · off · skipped: nobody there");
  assert.equal(editWords({ do: "swap", person: 1, with: 2, from: 9 }), "1 and 2 swapped · from frame 9 on");
  assert.equal(troubleWords({ kind: "jump", person: 2, joint: "left_knee", from: 3, to: 5 }), "left knee · jumps · person 2 · frames 3 to 5");
});
