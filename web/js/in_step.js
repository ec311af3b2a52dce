/**
 * Two sides in step, as nodes/video/node/shown_compare.py tells of them: `frames` moments, `rate` (numerator and
 * denominator) of them per second, `step` frames of the faster side from one to the next; `width` and `height` of a side
 * in the `film`, where the videos lie above each other; `sides`, of A and B, or null: `frames`, `rate`, `width`, `height`
 * of what is wired, whether it has a `video`, and a file with a pose of its `motion` for every moment.
 */
import { decimals } from "./lib/format.js";
import { word } from "./lib/words.js";

export const NAMES = ["A", "B"];

const ODD_SHAPE = 0.01; // share by which shapes differ that are not the same

/** The frame of a side that is shown at a moment: exact, however odd the rates. */
export function frameOf(side, moment, { rate: [moments, seconds] }) {
  const [frames, each] = side.rate.map(BigInt);
  const due = (BigInt(moment) * BigInt(seconds) * frames) / (BigInt(moments) * each);
  return Math.min(Number(due), side.frames - 1);
}

/** When a moment is, in seconds. */
export const secondsAt = (moment, { rate: [moments, seconds] }) => (moment * seconds) / moments;

/**
 * How far down in the film the video behind a side lies, in pixels; undefined where there is none. Of two motions, one
 * of which lies over a video, the other lies over it too.
 */
export function topOf(place, { sides, height }) {
  const [side, other] = [sides[place], sides[1 - place]];
  if (!side?.video) return side && other?.video && other.motion ? 0 : undefined;
  return height * sides.slice(0, place).filter((one) => one?.video).length;
}

/** What had to be done to show both in step, in sentences. */
export function done(told) {
  const [a, b] = told.sides;
  const said = [];
  if (!a !== !b) said.push(word("Only {side} is wired.", { side: a ? "A" : "B" }));
  if (a && b) said.push(...matched(a, b));
  if (told.step > 1) said.push(word("1 of {step} frames is shown.", { step: told.step }));
  return said;
}

function matched(a, b) {
  const said = [];
  const [rateA, rateB] = [a, b].map(({ rate: [frames, each] }) => frames / each);
  if (Math.abs(rateA - rateB) > 1e-6) said.push(word("{a} and {b} frames per second, matched by time.", { a: rounded(rateA), b: rounded(rateB) }));
  const longer = a.frames / rateA - b.frames / rateB;
  if (Math.abs(longer) > 0.99 / Math.min(rateA, rateB)) said.push(word("{side} is shorter: its last frame stays.", { side: longer > 0 ? "B" : "A" }));
  const [shapeA, shapeB] = [a, b].map(({ width, height }) => width / height);
  if (Math.abs(shapeA / shapeB - 1) > ODD_SHAPE) said.push(word("B is fitted to the shape of A."));
  else if (a.width !== b.width) said.push(word("{a} and {b} pixels wide, shown at one size.", { a: a.width, b: b.width }));
  return said;
}

/** 23.976, 12.5, 24. */
const rounded = (rate) => decimals(rate, [0, 1, 2].find((digits) => Math.abs(rate - rate.toFixed(digits)) < 1e-4) ?? 3);
