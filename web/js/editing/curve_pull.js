/** What pulling at a curve makes of edits. */
import { turnedBy } from "./channels.js";
import { changed, valueOf } from "./edit_value.js";

const axisOf = (channel) => (channel === "y" ? 1 : 0);

/**
 * A key whose joint has a value that is greater by so much.
 * @param {"x"|"y"|"angle"} channel
 * @param {?object} limb where the joint is at the key, as `limbOf` gives it; for angles
 */
export function raised(edits, index, channel, by, limb) {
  const key = edits[index];
  if (channel === "angle" && !limb) return edits;
  const move = channel === "angle" ? turnedBy(limb, by) : channel === "x" ? [by, 0] : [0, by];
  return changed(edits, index, { by: key.by.map((part, axis) => Math.max(-10, Math.min(part + move[axis], 10))) });
}

/** How fast a key moves its joint at that frame: of its `slope`, or 0 where that is left to itself. */
export function slopeOf(key, channel) {
  return valueOf(key, "slope")?.[axisOf(channel)] ?? 0;
}

/** A key that moves its joint so fast at its frame, per frame. */
export function sloped(edits, index, channel, slope) {
  const both = [...(valueOf(edits[index], "slope") ?? [0, 0])];
  both[axisOf(channel)] = slope;
  return changed(edits, index, { slope: both });
}

/** A key whose slopes are left to themselves. */
export function levelled(edits, index) {
  return changed(edits, index, { slope: null });
}

/** How fast a curve rises at a frame, per frame; 0 where nothing is known of it. */
export function riseAt(values, frame) {
  const [before, after] = [values[frame - 1], values[frame + 1]];
  if (Number.isFinite(before) && Number.isFinite(after)) return (after - before) / 2;
  const here = values[frame];
  if (Number.isFinite(after - here)) return after - here;
  return Number.isFinite(here - before) ? here - before : 0;
}
