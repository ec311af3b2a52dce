/** Frames along a timeline that can be zoomed and scrolled: where each lies, and what the ruler says. */
import { decimals } from "../lib/format.js";
import { word } from "../lib/words.js";

export const MARGIN = 10;
const CLOSEST = 12; // frames that are seen at least
const STEPS = [1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000, 2000, 2500, 5000, 10_000, 20_000, 50_000, 100_000];
const SECONDS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];
const FRAME_LABEL = 44; // pixels from label to label at least
const SECOND_LABEL = 52;
const TICK = 4;

/** The whole clip. */
export function wholeView(count) {
  return { from: 0, across: Math.max(1, count - 1) };
}

/**
 * A view within the clip.
 * @param {{from: number, across: number}} view its first frame and how many further ones, in parts of frames
 */
export function fittedView({ from, across }, count) {
  const most = Math.max(1, count - 1);
  const seen = Math.max(Math.min(CLOSEST, most), Math.min(across, most));
  return { from: Math.max(0, Math.min(from, most - seen)), across: seen };
}

/** So many times as near, with one frame staying where it is. */
export function zoomed({ from, across }, count, times, frame) {
  const seen = fittedView({ from: 0, across: across / times }, count).across;
  return fittedView({ from: frame - ((frame - from) / across) * seen, across: seen }, count);
}

/** So many frames further. */
export function scrolled({ from, across }, count, frames) {
  return fittedView({ from: from + frames, across }, count);
}

/** A view in which a frame is seen: the same if it is already, else it starts a little before. */
export function showing(view, count, frame) {
  if (frame >= view.from && frame <= view.from + view.across) return view;
  return fittedView({ from: frame - view.across / 8, across: view.across }, count);
}

/** Where frames lie on a canvas so wide. */
export class Scale {
  constructor(count, width, view) {
    Object.assign(this, { count, width, ...fittedView(view, count) });
    this.perFrame = Math.max(1, width - 2 * MARGIN) / this.across;
    this.first = Math.max(0, Math.floor(this.from - MARGIN / this.perFrame));
    this.last = Math.min(count - 1, Math.ceil(this.from + this.across + MARGIN / this.perFrame));
  }

  x(frame) {
    if (this.count < 2) return this.width / 2;
    return MARGIN + (frame - this.from) * this.perFrame;
  }

  /** In parts of frames; what is outside the clip, too. */
  exactFrame(x) {
    return this.count < 2 ? 0 : this.from + (x - MARGIN) / this.perFrame;
  }

  /** The nearest frame of the clip. */
  frame(x) {
    return Math.max(0, Math.min(Math.round(this.exactFrame(x)), this.count - 1));
  }
}

/**
 * What the ruler shows.
 * @param {Scale} scale
 * @param {number} rate frames per second
 * @returns {{labels: number[], ticks: number[], seconds: number[]}} frames with a number, frames with a tick, seconds with one
 */
export function rulerOf(scale, rate) {
  const step = STEPS.find((frames) => frames * scale.perFrame >= FRAME_LABEL) ?? STEPS.at(-1);
  const parts = [10, 5, 4, 2, 1].find((part) => step % part === 0 && (step / part) * scale.perFrame >= TICK) ?? 1;
  const second = SECONDS.find((seconds) => seconds * rate * scale.perFrame >= SECOND_LABEL) ?? SECONDS.at(-1);
  const multiples = (of, from, to) => {
    const start = Math.ceil(from / of);
    return Array.from({ length: Math.max(0, Math.floor(to / of) - start + 1) }, (_, place) => (start + place) * of);
  };
  return {
    labels: multiples(step, scale.first, scale.last),
    ticks: multiples(step / parts, scale.first, scale.last),
    seconds: multiples(second, scale.first / rate, scale.last / rate),
  };
}

/** A time such as "0.5 s", "12 s" or "1:30". */
export function secondsLabel(seconds) {
  const tenths = Math.round(seconds * 10);
  if (seconds < 60) return word("{seconds} s", { seconds: decimals(tenths / 10, tenths % 10 ? 1 : 0) });
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
