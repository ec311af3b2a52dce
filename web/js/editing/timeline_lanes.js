/** What a timeline shows of edits and troubles, in lanes; where each lies; and what a pointer means. */
import { valueOf } from "./edit_value.js";

const ROWS = 3; // of spans: further ones lie over each other in the last
const RULER = 27;
const TROUBLES = 14;
export const KEYS = 28;
export const SPAN = 17;
export const OVERVIEW = 11;
const NEAR = 5; // pixels within which a pointer means a key or an end
const FAR = 4; // frames from which on it is worth the while to search for the next one
const HANDLE = 10; // pixels from a key to the handles of its span at least

/** The height that a timeline takes with its rows of spans. */
export function heightOf(lanes) {
  return tops(lanes).end;
}

/** Where lanes begin. */
export function tops({ rows }) {
  const keys = RULER + TROUBLES;
  const spans = keys + KEYS;
  const overview = spans + SPAN * Math.max(1, rows.length) + 3;
  return { troubles: RULER, keys, spans, overview, end: overview + OVERVIEW };
}

/**
 * Edits and troubles by lane and in order of time.
 * @param {{edits: object[], notes: {edit: number, why: string}[], troubles: object[], person: number, joint: string,
 *   frameCount: number}} state `person` counts from 1, 0 is everyone; an empty `joint` is all
 * @returns {{keys: object[], strong: object[], weak: object[], track: object[], reach: number, rows: object[][], troubles: object[]}}
 *   `keys` of the person, the `strong` ones of the joint; `track` are those of them that count, `reach` the longest of their
 *   fades; `rows` are spans
 */
export function lanesOf({ edits, notes = [], troubles = [], person, joint, frameCount }) {
  const why = new Map(notes.map((note) => [note.edit, note.why]));
  const keys = [];
  const spans = [];
  edits.forEach((edit, index) => {
    const off = !!edit.off;
    if (edit.do !== "move" && edit.do !== "pose") {
      const [from, to] = lengthOf(edit, frameCount);
      spans.push({ index, edit, off, why: why.get(index), from, to });
    } else if (!person || edit.person === person) {
      const [before, after] = [valueOf(edit, "before"), valueOf(edit, "after")];
      const strong = !joint || edit.do === "pose" || edit.joint === joint;
      keys.push({ index, edit, off, why: why.get(index), from: edit.frame, to: edit.frame, before, after, strong });
    }
  });
  keys.sort(byTime);
  spans.sort(byTime);
  const strong = keys.filter((key) => key.strong);
  const hasTrack = person && joint;
  const track = hasTrack ? strong.filter(({ edit, off, why }) => edit.do === "move" && !off && why === undefined) : [];
  const reach = track.reduce((most, { before, after }) => Math.max(most, before, after), 0);
  return { keys, strong, weak: keys.filter((key) => !key.strong), track, reach, rows: packed(spans), troubles };
}

const byTime = (a, b) => a.from - b.from || a.index - b.index;

/** All edits that are shown, in order of time. */
export function inOrder({ keys, rows }) {
  return [...keys, ...rows.flat()].sort(byTime);
}

/** First and last frame that an edit is drawn over. */
function lengthOf(edit, frameCount) {
  if (edit.do === "hold") return [edit.frame, edit.frame + edit.frames];
  if (edit.do === "drop" || edit.do === "keep") return [0, frameCount - 1];
  return [edit.from, edit.to ?? Math.max(edit.from, frameCount - 1)];
}

function packed(spans) {
  const rows = [];
  for (const span of spans) {
    const free = rows.find((row) => row.at(-1).to < span.from);
    if (free) free.push(span);
    else if (rows.length < ROWS) rows.push([span]);
    else rows.at(-1).push(span);
  }
  for (const row of rows) {
    let until = 0;
    for (const span of row) span.until = until = Math.max(until, span.to);
  }
  return rows;
}

/** Those of a lane that can be seen between two frames, widened by what they reach beyond. */
export function* within(items, first, last, reach = 0) {
  for (let place = lowest(items, first - reach); place < items.length && items[place].from <= last + reach; place++) yield items[place];
}

/** Some of a lane's items that can be seen: none that begins within so many pixels of the one before. */
export function* thinned(items, scale, apart) {
  const step = apart / scale.perFrame;
  let last = -Infinity;
  let place = lowest(items, scale.first - 1);
  while (place < items.length && items[place].from <= scale.last + 1) {
    const item = items[place++];
    const from = Math.max(item.from, scale.first - 1);
    if (from - last < step) {
      if (step > FAR || item.from < from) place = begins(items, last + step, place);
      continue;
    }
    last = from;
    yield item;
  }
}

/** The first place, from one on, of an item that begins at a frame or later. */
function begins(items, frame, low) {
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (items[middle].from < frame) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The first place from which on an item of a lane may reach a frame; `until` is what it and those before it reach. */
export function lowest(items, frame) {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((items[middle].until ?? items[middle].to) < frame) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Where the ends of a key's span can be gripped; not on the key itself, however short its span. */
export function handlesOf(key, scale) {
  const x = scale.x(key.from);
  return [Math.min(scale.x(key.from - key.before), x - HANDLE), Math.max(scale.x(key.from + key.after), x + HANDLE)];
}

/** The left and right side of a span: the whole of its frames. */
export function sidesOf(span, scale) {
  const [left, right] = [scale.x(span.from - 0.5), scale.x(span.to + 0.5)];
  const room = Math.max(0, 6 - (right - left)) / 2;
  return [left - room, right + room];
}

/** What can be pulled of an edit: "from" and "to" of a span. */
function endsOf(edit) {
  if (edit.do === "drop" || edit.do === "keep") return [];
  return edit.do === "hold" ? ["to"] : ["from", "to"];
}

/** Whether a key of the track starts where the one before ends: what it does has not faded away between. */
export function isJoined(track, place) {
  if (place <= 0 || place >= track.length) return false;
  const [key, next] = [track[place - 1], track[place]];
  return key.after + next.before >= next.from - key.from;
}

/**
 * What a pointer means.
 * @param {object} lanes as `lanesOf` gives them
 * @param {import("./timeline_scale.js").Scale} scale
 * @param {{selected: number, span: ?number[]}} state
 * @returns {{part: string, item?: object, trouble?: object}} `part` is "start" or "end" of the chosen span, "ruler",
 *   "trouble", "key", "before", "after", "span", "from", "to", "overview" or "" where there is nothing
 */
export function hitAt(lanes, scale, x, y, { selected = -1, span } = {}) {
  const top = tops(lanes);
  if (y < top.troubles) return { part: rangeEnd(span, scale, x) ?? "ruler" };
  if (y < top.keys) return troubleAt(lanes.troubles, scale, x);
  if (y < top.spans) return keyHit(lanes.keys, scale, x, selected);
  if (y >= top.overview) return { part: "overview" };
  const row = lanes.rows[Math.floor((y - top.spans) / SPAN)] ?? [];
  return spanHit(row, scale, x, selected);
}

function rangeEnd(span, scale, x) {
  if (!span) return undefined;
  const [left, right] = sidesOf({ from: span[0], to: span[1] }, scale);
  if (Math.abs(x - right) <= NEAR) return "end";
  return Math.abs(x - left) <= NEAR ? "start" : undefined;
}

function troubleAt(troubles, scale, x) {
  const trouble = troubles.find((each) => {
    const [left, right] = sidesOf(each, scale);
    return x >= left - 1 && x <= right + 1;
  });
  return trouble ? { part: "trouble", trouble } : { part: "" };
}

function keyHit(keys, scale, x, selected) {
  const reach = (2 * HANDLE) / scale.perFrame;
  const chosen = keys.find(({ index }) => index === selected);
  if (chosen) {
    const end = keyEnd(chosen, scale, x);
    if (end) return end;
  }
  let best;
  const far = (key) => Math.abs(scale.x(key.from) - x);
  for (const key of within(keys, scale.exactFrame(x), scale.exactFrame(x), reach)) {
    if (far(key) > NEAR + 1) continue;
    if (!best || rank(key) > rank(best) || (rank(key) === rank(best) && far(key) <= far(best))) best = key;
  }
  return best ? { part: "key", item: best } : { part: "" };

  function rank(key) {
    return (key.index === selected) * 2 + key.strong;
  }
}

function keyEnd(key, scale, x) {
  const [before, after] = handlesOf(key, scale);
  if (Math.abs(x - before) <= NEAR) return { part: "before", item: key };
  if (Math.abs(x - after) <= NEAR) return { part: "after", item: key };
  return undefined;
}

function spanHit(row, scale, x, selected) {
  const under = row.filter((span) => {
    const [left, right] = sidesOf(span, scale);
    return x >= left - NEAR && x <= right + NEAR;
  });
  const item = under.find(({ index }) => index === selected) ?? under.at(-1);
  if (!item) return { part: "" };
  const [left, right] = sidesOf(item, scale);
  const grip = Math.min(NEAR, (right - left) / 4); // inside; all the room outside
  const ends = endsOf(item.edit);
  if (x >= right - grip && ends.includes("to")) return { part: "to", item };
  if (x <= left + grip && ends.includes("from")) return { part: "from", item };
  return { part: "span", item };
}
