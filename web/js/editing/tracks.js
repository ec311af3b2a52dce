/** How far edits move a joint at a frame: the keys of its track, faded in and out, or joined smoothly. */
import { joined, valueOf } from "./edit_value.js";

/**
 * The tracks of edits: their keys by person and joint, in the order of frames.
 * @returns {Map<string, {person: number, joint: string, keys: object[]}>}
 */
export function tracksOf(edits) {
  const tracks = new Map();
  for (const key of edits) {
    if (key.do !== "move" || key.off) continue;
    const name = `${key.person} ${key.joint}`;
    if (!tracks.has(name)) tracks.set(name, { person: key.person, joint: key.joint, keys: [] });
    const { keys } = tracks.get(name);
    const place = keys.findIndex(({ frame }) => frame === key.frame);
    if (place < 0) keys.push(key);
    else keys[place] = key; // the later counts
  }
  for (const { keys } of tracks.values()) keys.sort((one, other) => one.frame - other.frame);
  return tracks;
}

/** First and last frame of each run of keys that are joined, with their fades. */
export function runsOf(keys) {
  const runs = [];
  let before;
  for (const key of keys.toSorted((one, other) => one.frame - other.frame)) {
    const end = key.frame + valueOf(key, "after");
    if (before && joined(before, key)) runs.at(-1)[1] = end;
    else runs.push([Math.max(0, key.frame - valueOf(key, "before")), end]);
    before = key;
  }
  return runs;
}

/** The offset `[dx, dy]` of a track at a frame, in fractions of the frame. */
export function offsetAt(keys, frame) {
  const next = keys.findIndex((key) => key.frame >= frame);
  if (next >= 0 && keys[next].frame === frame) return keys[next].by;
  const [before, after] = [next < 0 ? keys.at(-1) : keys[next - 1], next < 0 ? undefined : keys[next]];
  if (before && after && joined(before, after)) return between(before, before.frame, after, after.frame, frame);
  const out = before && before.frame + valueOf(before, "after");
  if (before && frame < out) return between(before, before.frame, undefined, out, frame);
  const start = after && after.frame - valueOf(after, "before");
  if (after && frame > start) return between(undefined, start, after, after.frame, frame);
  return [0, 0];
}

/** Cubic Hermite from one key to the next; where there is none the offset is 0. */
function between(from, first, to, last, frame) {
  const span = last - first;
  const t = (frame - first) / span;
  const [start, end] = [(1 + 2 * t) * (1 - t) ** 2, t * t * (3 - 2 * t)];
  const [leave, arrive] = [t * (1 - t) ** 2 * span, t * t * (t - 1) * span];
  return [0, 1].map((axis) => {
    const places = start * (from?.by[axis] ?? 0) + end * (to?.by[axis] ?? 0);
    return places + leave * (from?.slope?.[axis] ?? 0) + arrive * (to?.slope?.[axis] ?? 0);
  });
}
