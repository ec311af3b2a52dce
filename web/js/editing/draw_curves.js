/** Draws a joint's course over time: as it came in, and as edits have it, with their keys. */
import { BEFORE, COLOURS } from "../draw_motion.js";
import { riseAt, slopeOf } from "./curve_pull.js";
import { thinned, within } from "./timeline_lanes.js";

const PADDING = 0.12; // of the range, above and below
const LEAST = { x: 0.04, y: 0.04, angle: 10 }; // range that is seen
const EDGE = 8; // pixels
const DIAMOND = 4.5;
const APART = 1.5; // pixels: keys that lie closer are not drawn twice
const NEAR = 7;
const ARM = 30; // pixels from a key to its slope's handles
const FONT = "10px Inter, system-ui, sans-serif";

/** Values along a canvas so high; a place in the frame grows downwards, as in the frame. */
export class Heights {
  constructor(low, high, height, channel) {
    const [top, bottom] = [EDGE, height - EDGE];
    Object.assign(this, { low, high, channel });
    [this.start, this.end] = channel === "y" ? [top, bottom] : [bottom, top];
  }

  y(value) {
    return this.start + ((value - this.low) / (this.high - this.low)) * (this.end - this.start);
  }

  value(y) {
    return this.low + ((y - this.start) / (this.end - this.start)) * (this.high - this.low);
  }
}

/** The range of curves between two frames, with some room. */
export function rangeOf(curves, first, last, channel) {
  let [low, high] = [Infinity, -Infinity];
  for (const values of curves) {
    for (let frame = first; frame <= Math.min(last, values.length - 1); frame++) {
      if (values[frame] < low) low = values[frame];
      if (values[frame] > high) high = values[frame];
    }
  }
  if (low > high) [low, high] = channel === "angle" ? [-90, 90] : [0, 1];
  const room = Math.max((high - low) * PADDING, (LEAST[channel] - (high - low)) / 2);
  return [low - room, high + room];
}

/** Values with a line: round ones, no more than a few. */
export function gridOf({ low, high }) {
  const most = (high - low) / 2.5;
  const power = 10 ** Math.floor(Math.log10(most));
  const step = [5, 2, 1].map((times) => times * power).find((each) => each <= most);
  const start = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - start + 1 }, (_, place) => (start + place) * step);
}

/** A value such as "41 %" of the frame or "35°". */
export function valueLabel(value, channel) {
  if (!Number.isFinite(value)) return "–";
  return channel === "angle" ? `${Math.round(value)}°` : `${Math.round(value * 1000) / 10} %`;
}

/** The ends of a key's slope, on the curve's tangent: [x, y] before and after it; none for angles. */
export function armsOf(key, scale, heights, { channel, source, posed }) {
  if (channel === "angle") return [];
  const value = posed[key.from];
  const rise = riseAt(source, key.from) + slopeOf(key.edit, channel);
  const [x, y] = [scale.x(key.from), heights.y(value)];
  const frames = ARM / scale.perFrame;
  const dy = heights.y(value + rise * frames) - y;
  const [top, bottom] = [Math.min(heights.start, heights.end), Math.max(heights.start, heights.end)];
  return [-1, 1].map((side) => {
    const room = Math.max(0, side * dy < 0 ? y - top : bottom - y);
    const part = Math.min(ARM / Math.hypot(ARM, dy), room / Math.max(Math.abs(dy), 1e-6));
    return [x + side * ARM * part, y + side * dy * part];
  });
}

/** What a pointer means: "before" and "after" of the selected key's slope, a "key", or "". */
export function curveHit(keys, scale, heights, x, y, state) {
  const { posed, selected = -1 } = state;
  const far = ([left, top]) => Math.hypot(left - x, top - y);
  const chosen = keys.find(({ index }) => index === selected);
  if (chosen && Number.isFinite(posed[chosen.from])) {
    const end = armsOf(chosen, scale, heights, state).findIndex((place) => far(place) <= NEAR);
    if (end >= 0) return { part: ["before", "after"][end], item: chosen };
  }
  const [first, last] = [scale.exactFrame(x - NEAR), scale.exactFrame(x + NEAR)];
  let [best, least] = [undefined, NEAR];
  for (const key of within(keys, first, last)) {
    const distance = far([scale.x(key.from), heightOf(key, heights, posed)]);
    if (distance <= least) [best, least] = [key, distance];
  }
  return best ? { part: "key", item: best } : { part: "" };
}

/** A key of a joint that is missing there is shown at the bottom. */
function heightOf(key, heights, posed) {
  const value = posed[key.from];
  return Number.isFinite(value) ? heights.y(value) : Math.max(heights.start, heights.end);
}

/**
 * Draw it.
 * @param {CanvasRenderingContext2D} context
 * @param {import("./timeline_scale.js").Scale} scale
 * @param {Heights} heights
 * @param {object[]} keys of the joint, as `lanesOf` gives them
 * @param {{frame: number, selected: number, person: number, channel: string, source: Float32Array, posed: Float32Array,
 *   hover: ?object}} state
 * @param {{ink: string, paper: string}} look colours of texts and of what is behind them
 */
export function drawCurves(context, width, height, scale, heights, keys, state, { ink, paper }) {
  const { source, posed, channel, frame, selected, hover } = state;
  const colour = COLOURS[Math.max(0, state.person - 1) % COLOURS.length];
  context.font = FONT;
  context.textAlign = "left";
  context.textBaseline = "alphabetic";
  context.lineWidth = 1;
  context.fillStyle = context.strokeStyle = ink;
  context.globalAlpha = 0.12;
  for (const value of gridOf(heights)) context.fillRect(0, heights.y(value) - 0.5, width, 1);
  context.globalAlpha = 0.9;
  context.fillRect(scale.x(frame) - 0.5, 0, 1, height);
  context.lineJoin = "round";
  context.strokeStyle = BEFORE;
  context.globalAlpha = 0.8;
  drawCurve(context, source, scale, heights);
  context.strokeStyle = colour;
  context.lineWidth = 1.75;
  context.globalAlpha = 1;
  drawCurve(context, posed, scale, heights);
  drawLabels(context, heights, channel, ink, paper);
  const chosen = keys.find(({ index }) => index === selected);
  if (chosen && Number.isFinite(posed[chosen.from])) drawArms(context, chosen, scale, heights, state, ink);
  for (const key of thinned(keys, scale, APART)) draw(key, false);
  for (const key of [hover?.item, chosen]) if (key) draw(key, true);
  context.globalAlpha = 1;

  function draw(key, special) {
    const known = Number.isFinite(posed[key.from]);
    drawKey(context, key, scale.x(key.from), heightOf(key, heights, posed), special, { colour, ink, paper, known });
  }
}

/** On top of the curves, each set off from them. */
function drawLabels(context, heights, channel, ink, paper) {
  Object.assign(context, { fillStyle: ink, strokeStyle: paper, lineWidth: 3, globalAlpha: 0.7 });
  let last = Infinity;
  for (const value of gridOf(heights)) {
    const y = heights.y(value) - 3;
    if (y < 9 || Math.abs(y - last) < 11) continue;
    last = y;
    context.strokeText(valueLabel(value, channel), 4, y);
    context.fillText(valueLabel(value, channel), 4, y);
  }
}

/** A line through what is known; where frames are closer than pixels, from the least to the greatest of each. */
function drawCurve(context, values, scale, heights) {
  context.beginPath();
  let broken = true;
  const stride = Math.max(1, Math.floor(0.75 / scale.perFrame));
  const last = Math.min(scale.last, values.length - 1);
  for (let start = scale.first - (scale.first % stride); start <= last; start += stride) {
    let [low, high] = [Infinity, -Infinity];
    for (let frame = start; frame < start + stride && frame <= last; frame++) {
      if (values[frame] < low) low = values[frame];
      if (values[frame] > high) high = values[frame];
    }
    if (low > high) {
      broken = true;
      continue;
    }
    const x = scale.x(start);
    if (broken) context.moveTo(x, heights.y(low));
    else context.lineTo(x, heights.y(low));
    if (high > low) context.lineTo(x, heights.y(high));
    else if (broken) context.lineTo(x + 0.01, heights.y(low)); // a single frame is a dot
    broken = false;
  }
  context.lineCap = "round";
  context.stroke();
}

function drawArms(context, key, scale, heights, state, ink) {
  const [before, after] = armsOf(key, scale, heights, state);
  if (!before) return;
  context.strokeStyle = context.fillStyle = ink;
  context.lineWidth = 1;
  context.globalAlpha = 0.6;
  context.beginPath();
  context.moveTo(...before);
  context.lineTo(...after);
  context.stroke();
  context.globalAlpha = 1;
  for (const [x, y] of [before, after]) {
    context.beginPath();
    context.arc(x, y, 3, 0, 2 * Math.PI);
    if (key.edit.slope) context.fill();
    else context.stroke();
  }
}

function drawKey(context, { off, why }, x, y, special, { colour, ink, paper, known }) {
  const around = special ? 3 : 1.5;
  diamond(context, x, y, DIAMOND + around);
  context.globalAlpha = 1;
  context.fillStyle = special ? ink : paper;
  context.fill();
  if (special) {
    diamond(context, x, y, DIAMOND + 1.5);
    context.fillStyle = paper;
    context.fill();
  }
  diamond(context, x, y, DIAMOND);
  context.fillStyle = context.strokeStyle = colour;
  context.lineWidth = 1.25;
  context.globalAlpha = off ? 0.4 : 1;
  if (known && why === undefined) context.fill();
  else context.stroke();
}

function diamond(context, x, y, size) {
  context.beginPath();
  for (const [dx, dy] of [[0, -size], [size, 0], [0, size], [-size, 0]]) context.lineTo(x + dx, y + dy);
  context.closePath();
}
