/** What there is to see of the ways in which frames between were made: known keyframes, as each way tells them. */

import { decimals } from "./lib/format.js";

const BASELINE = "#9a9a9a";
const OTHERS = ["#3b8ff0", "#21b573", "#d95fd0", "#f08c1e"];

/** A colour for each way; the first is what the others are compared with. */
export function colours(ways) {
  return new Map(ways.map((way, place) => [way, place ? OTHERS[(place - 1) % OTHERS.length] : BASELINE]));
}

/** All keyframes that were told, in order of time, each with its shot. */
export function keyframesOf(told) {
  return told.shots.flatMap((shot) => shot.keyframes.map((keyframe) => ({ ...keyframe, shot })));
}

/** The ways that stand beside the first one at a keyframe: the one that was taken, then the most alike. */
export function opponents({ shot, likeness }, ways) {
  const rank = (way) => (way === shot.way ? Infinity : (likeness[way] ?? -1));
  return ways.slice(1).filter((way) => way in likeness).sort((a, b) => rank(b) - rank(a));
}

/** The place of the keyframe that is nearest to a time, in seconds. */
export function nearest(keyframes, time) {
  const distance = (place) => Math.abs(keyframes[place].time - time);
  return keyframes.reduce((best, _, place) => (distance(place) < distance(best) ? place : best), 0);
}

/** 0.9345 -> "0.93"; nothing where it is not known. */
export function alike(likeness) {
  return likeness === undefined ? "" : decimals(likeness, 2);
}
