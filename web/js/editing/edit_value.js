/** Edits of a motion by hand, as the input `edits` keeps them; nodes/motion/editing/by_hand/edits.py says the same in Python. */
import { word } from "../lib/words.js";
import { EVERYTHING, PELVIS, jointNames } from "./joints.js";

const VERSION = 1;
const FADE = 4; // frames over which a key fades in and out
const DECIMALS = 1e4;

const JOINTS = new Set([PELVIS, EVERYTHING, ...jointNames()]);
const MOST_FRAMES = 10_000_000;
const whole = (least, most = MOST_FRAMES) => (value) => Number.isSafeInteger(value) && value >= least && value <= most;
const number = (least, most) => (value) => typeof value === "number" && value >= least && value <= most;
const pair = (value) => Array.isArray(value) && value.length === 2 && value.every(number(-10, 10));
const flag = (value) => typeof value === "boolean";
const orNull = (allows) => (value) => value === null || allows(value);
const joint = { allows: (value) => JOINTS.has(value) };
const frame = { allows: whole(0) };
const person = { allows: whole(1, 1000) };
const everyone = { allows: whole(0, 1000), usual: 0 };
const fade = { allows: whole(1), usual: FADE };
const across = { allows: whole(0), usual: 3 };
const no = { allows: flag, usual: false };

/** What each kind of edit has; fields with a `usual` value may be left out. */
const FIELDS = {
  move: { frame, person, joint, by: { allows: pair }, before: fade, after: fade, replace: no, stretch: no, slope: { allows: orNull(pair), usual: null } },
  pose: { frame, of: frame, person, of_person: everyone, before: fade, after: fade, place: no },
  show: { person, joint, from: frame, to: frame },
  hide: { person, joint, from: frame, to: frame },
  repair: { person: everyone, joint: { allows: orNull(joint.allows), usual: null }, from: frame, to: frame },
  mirror: { person: everyone, from: frame, to: frame, fade: across },
  swap: { person, with: person, from: frame, to: { allows: orNull(whole(0)), usual: null } },
  drop: { person },
  keep: { person },
  hold: { frame, frames: { allows: whole(1, 10_000) } },
  speed: { from: frame, to: frame, factor: { allows: number(0.1, 10) } },
  delete: { from: frame, to: frame, fade: across },
};

/**
 * Read edits.
 * @param {string} text
 * @returns {{edits: object[], problem: string}} `problem` says why they cannot be edited here; the text has to be kept then
 */
export function parseEdits(text) {
  if (!text.trim()) return { edits: [], problem: "" };
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    return locked(word("The edits are not valid JSON."));
  }
  if (value?.version > VERSION) return locked(word("These edits were made by a newer version of Frugal Motion. Update it to change them."));
  if (!isKnown(value)) return locked(word("The edits are not in a form that is known here."));
  const { edits = [] } = value;
  for (const [index, edit] of edits.entries()) {
    const field = wrongField(edit);
    if (field) return locked(word("Edit {index}: the field '{field}' is wrong.", { index, field }));
  }
  return { edits, problem: "" };
}

function isKnown(value) {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return false;
  const { version = VERSION, edits = [], ...others } = value;
  return version === VERSION && Array.isArray(edits) && !Object.keys(others).length;
}

const locked = (problem) => ({ edits: [], problem });

/** The name of a field that is missing, unknown or has a value that is not allowed; undefined if all is well. */
function wrongField(edit) {
  const fields = FIELDS[edit?.do];
  if (!fields) return "do";
  for (const name of Object.keys(edit)) {
    if (name === "do") continue;
    const allows = name === "off" ? flag : fields[name]?.allows;
    if (!allows?.(edit[name])) return name;
  }
  const missing = Object.keys(fields).find((name) => !("usual" in fields[name]) && !(name in edit));
  if (missing) return missing;
  return typeof edit.to === "number" && edit.to < edit.from ? "to" : undefined;
}

/** Edits as text, as short as may be: usual values are left out, numbers have four decimals. */
export function formatEdits(edits) {
  if (!edits.length) return "";
  return JSON.stringify({ version: VERSION, edits: edits.map(told) });
}

function told(edit) {
  const fields = FIELDS[edit.do];
  const kept = { do: edit.do };
  for (const name of Object.keys(fields)) {
    const value = edit[name];
    if (value !== undefined && !("usual" in fields[name] && fields[name].usual === value)) kept[name] = rounded(value);
  }
  if (edit.off) kept.off = true;
  return kept;
}

function rounded(value) {
  if (Array.isArray(value)) return value.map(rounded);
  return typeof value === "number" ? Math.round(value * DECIMALS) / DECIMALS + 0 : value; // + 0: no -0
}

/** An edit's field, or the value that it has if it is left out. */
export function valueOf(edit, name) {
  return edit[name] ?? FIELDS[edit.do][name]?.usual;
}

/** Whether two edits are keys of one track: a joint of a person. */
function sameTrack(edit, { person, joint }) {
  return edit.do === "move" && edit.person === person && edit.joint === joint;
}

/** The index of the key of a joint at a frame, the later of two; -1 if there is none. */
export function keyAt(edits, { person, joint, frame }) {
  return edits.findLastIndex((edit) => edit.frame === frame && sameTrack(edit, { person, joint }));
}

/** First and last of the source's frames that an edit by itself changes; to the end is Infinity. */
export function spanOf(edit) {
  switch (edit.do) {
    case "move":
    case "pose": // it has faded away at `before` and `after`
      return [Math.max(0, edit.frame - valueOf(edit, "before") + 1), edit.frame + valueOf(edit, "after") - 1];
    case "mirror":
    case "delete":
      return [Math.max(0, edit.from - valueOf(edit, "fade")), edit.to + valueOf(edit, "fade")];
    case "hold":
      return [edit.frame, edit.frame];
    case "drop":
    case "keep":
      return [0, Infinity];
    default:
      return [edit.from, edit.to ?? Infinity];
  }
}

/**
 * First and last of the source's frames that can look different once an edit is changed or goes: those of its span, of the
 * way to the keys beside it that it is joined with, and of poses that are copied from there.
 */
export function reachOf(edits, index) {
  const edit = edits[index];
  let [from, to] = spanOf(edit);
  if (edit.do === "move") {
    const [before, after] = neighbours(edits, index);
    if (before && joined(before, edit)) from = Math.min(from, before.frame);
    if (after && joined(edit, after)) to = Math.max(to, after.frame);
  }
  if (["swap", "repair", "show"].includes(edit.do)) {
    const [first, last] = [from, to];
    for (const pose of edits) {
      if (pose.do !== "pose" || pose.of < first || pose.of > last) continue;
      const [start, end] = spanOf(pose);
      [from, to] = [Math.min(from, start), Math.max(to, end)];
    }
  }
  return [from, to];
}

/** The keys of its track on either side of a key, undefined where there is none; those that are off do not count. */
export function neighbours(edits, index) {
  const key = edits[index];
  let before, after;
  for (const other of edits) {
    if (other.off || !sameTrack(other, key)) continue;
    if (other.frame < key.frame && !(before?.frame > other.frame)) before = other;
    if (other.frame > key.frame && !(after?.frame < other.frame)) after = other;
  }
  return [before, after];
}

/** Whether the motion goes from one key straight to the next, with no rest between their spans. */
export function joined(key, next) {
  return valueOf(key, "after") + valueOf(next, "before") >= next.frame - key.frame;
}

/**
 * Move a joint at a frame: adds to the key that is there, or makes one.
 * @param {object[]} edits
 * @param {{frame: number, person: number, joint: string, by: number[], before?: number, after?: number, replace?: boolean,
 *   stretch?: boolean}} move `by` in fractions of the frame's width and height
 */
export function moveBy(edits, { by, ...move }) {
  const given = Object.fromEntries(Object.entries(move).filter(([, value]) => value !== undefined));
  const index = keyAt(edits, move);
  if (index < 0) return withEdit(edits, { do: "move", ...given, by: rounded(by) });
  const { off, ...key } = edits[index];
  return edits.with(index, { ...key, ...given, by: rounded([key.by[0] + by[0], key.by[1] + by[1]]) });
}

/**
 * Put an edit that has a frame at another one. A key of the same joint that is there makes room.
 * @returns {{edits: object[], index: number}} `index` is where the edit is now
 */
export function movedTo(edits, index, frame) {
  const edit = { ...edits[index], frame };
  const kept = edits.with(index, edit).filter((other, place) => {
    return place === index || edit.do !== "move" || other.frame !== frame || !sameTrack(other, edit);
  });
  return { edits: kept, index: kept.indexOf(edit) };
}

/** Edits in which one has other fields. */
export function changed(edits, index, fields) {
  return edits.with(index, { ...edits[index], ...fields });
}

/** Edits with one taken out. */
export function without(edits, index) {
  return edits.toSpliced(index, 1);
}

/** Edits and one more. */
export function withEdit(edits, edit) {
  return [...edits, edit];
}
