/** A motion and what edits make of it: what the server has told, and on top of that, at once, what keys have moved since. */
import { readMotion } from "../motion_file.js";
import { formatEdits, reachOf } from "./edit_value.js";
import { moveJoint } from "./pose_drag.js";
import { offsetAt, runsOf, tracksOf } from "./tracks.js";

const SCALE = 32767.5; // of places in the file, from half a frame before the frame on
const LEAST = 1e-7; // offsets that differ by less are the same

export class PosedMotion {
  /** @param {object} source as `readMotion` gives it, of all frames */
  constructor(source) {
    this.source = source;
    this.told = copied(source);
    this.shown = copied(source);
    this.toldEdits = [];
    this.guessed = new Set(); // frames that show more than was told
    this.version = 0; // of what is shown
  }

  get aspect() {
    return (this.source.width || 1) / (this.source.height || 1);
  }

  /** First and last frame in which the server has yet to tell what edits do, undefined if there is none. */
  unknown(edits) {
    const [from, to] = changedFrames(this.toldEdits, edits);
    const last = Math.min(to, this.source.frames - 1);
    return from <= last ? [from, last] : undefined;
  }

  /** Take what the server tells of edits: frames from `first` on, packed. */
  tell(edits, first, packed) {
    this.toldEdits = edits;
    if (!packed) return;
    const part = readMotion(packed);
    const each = part.people * part.joints;
    this.told.places.set(part.places, 2 * first * each);
    this.told.confidences.set(part.confidences, first * each);
    this.reset(first, first + part.frames - 1);
  }

  /** Show what was told. */
  reset(from, to) {
    const each = this.source.people * this.source.joints;
    const [first, after] = [from * each, (to + 1) * each];
    this.shown.places.set(this.told.places.subarray(2 * first, 2 * after), 2 * first);
    this.shown.confidences.set(this.told.confidences.subarray(first, after), first);
    for (const frame of this.guessed) if (frame >= from && frame <= to) this.guessed.delete(frame);
    this.version++;
  }

  /** Show everywhere what was told. */
  forget() {
    for (const frame of this.guessed) this.reset(frame, frame);
  }

  /** Show frames, first and last, as keys would have them that have not been told of. */
  guess(edits, [first, last]) {
    for (const way of differing(this.toldEdits, edits)) {
      for (let frame = Math.max(first, 0); frame <= Math.min(last, this.source.frames - 1); frame++) {
        const [x, y] = offsetAt(way.now, frame);
        const [oldX, oldY] = offsetAt(way.before, frame);
        const by = [(x - oldX) * this.aspect, y - oldY];
        if (Math.hypot(...by) < LEAST) continue;
        this.guessed.add(frame);
        this.move(frame, way.person, way.joint, by, way.stretch);
      }
    }
  }

  move(frame, person, joint, by, stretch) {
    const people = person ? [person] : Array.from({ length: this.source.people }, (_, place) => place + 1);
    for (const one of people) {
      if (one > this.source.people) continue;
      const pose = this.pose(frame, one);
      moveJoint(pose, joint, by, stretch);
      this.write(frame, one, pose);
    }
  }

  /** A person, from 1 on, at a frame, as `pose_drag.js` knows poses. */
  pose(frame, person, motion = this.shown) {
    const { joints, people, places, confidences } = motion;
    const first = (frame * people + person - 1) * joints;
    const x = new Float64Array(joints);
    const y = new Float64Array(joints);
    for (let joint = 0; joint < joints; joint++) {
      x[joint] = (places[2 * (first + joint)] / SCALE - 0.5) * this.aspect;
      y[joint] = places[2 * (first + joint) + 1] / SCALE - 0.5;
    }
    return { x, y, found: confidences.subarray(first, first + joints) };
  }

  write(frame, person, { x, y }) {
    const { joints, people, places } = this.shown;
    const first = (frame * people + person - 1) * joints;
    this.version++;
    for (let joint = 0; joint < joints; joint++) {
      places[2 * (first + joint)] = packedPlace(x[joint] / this.aspect);
      places[2 * (first + joint) + 1] = packedPlace(y[joint]);
    }
  }
}

const copied = (motion) => ({ ...motion, places: motion.places.slice(), confidences: motion.confidences.slice() });
const packedPlace = (fraction) => Math.max(0, Math.min(65535, Math.round((fraction + 0.5) * SCALE)));

/** First and last frame that can look different between edits; the last is before the first if none can. */
export function changedFrames(before, after) {
  const [old, now] = [texts(before), texts(after)];
  let [from, to] = [Infinity, -1];
  for (const [edits, others] of [[before, new Set(now)], [after, new Set(old)]]) {
    edits.forEach((edit, index) => {
      if (others.has((edits === before ? old : now)[index]) || ["hold", "speed", "delete", "drop", "keep"].includes(edit.do)) return;
      const [first, last] = reachOf(edits, index);
      [from, to] = [Math.min(from, first), Math.max(to, last)];
    });
  }
  return from > to ? [from, to] : widened([...runs(before), ...runs(after)], from, to);
}

/** Spans in which a change anywhere may change all: of poses that follow each other, and of keys that replace movement. */
function runs(edits) {
  const on = edits.filter((edit) => !edit.off);
  const poses = Map.groupBy(on.filter((edit) => edit.do === "pose"), ({ person }) => person);
  const tracks = [...tracksOf(on).values()].map(({ keys }) => keys).filter((keys) => keys.some((key) => key.replace));
  return [...poses.values(), ...tracks].flatMap(runsOf);
}

function widened(spans, from, to) {
  const met = spans.filter(([first, last]) => first <= to && last >= from && (first < from || last > to));
  if (!met.length) return [from, to];
  return widened(spans, Math.min(from, ...met.map(([first]) => first)), Math.max(to, ...met.map(([, last]) => last)));
}

const texts = (edits) => edits.map((edit) => formatEdits([edit]));

/** The tracks in which keys differ, the body's first and fingers last. */
function differing(before, after) {
  if (before === after) return [];
  const [old, now] = [tracksOf(before), tracksOf(after)];
  const found = [];
  for (const [name, { person, joint, keys }] of new Map([...old, ...now])) {
    const [was, is] = [old.get(name)?.keys ?? [], now.get(name)?.keys ?? []];
    if (was.length === is.length && was.every((key, place) => key === is[place])) continue;
    found.push({ person, joint, before: was, now: is, stretch: keys.some((key) => key.stretch) });
  }
  return found.sort((one, other) => order(one.joint) - order(other.joint));
}

const ORDER = ["body", "pelvis", "neck", "hip", "shoulder", "nose", "eye", "ear", "elbow", "knee", "wrist", "ankle", "hand"];
const order = (joint) => ORDER.findIndex((part) => joint.includes(part));
