/** Draws a clip as a strip: pictures, what interpolation would err, cuts and keyframes. */

export const MARGIN = 8;
const ADDED = "#21b573";
const REMOVED = "#e5484d";
const KEYFRAME = "#3b8ff0";
const CUT = "#f08c1e";
const NEAR = 4; // pixels within which a pointer means a keyframe

/** Where a frame lies, from the left. */
export function xOf(frame, count, width) {
  return MARGIN + (count > 1 ? frame / (count - 1) : 0.5) * (width - 2 * MARGIN);
}

/** The frame that a pointer means: a keyframe within a few pixels, else the nearest frame. */
export function frameAtX(x, count, width, keyframes) {
  const distance = (frame) => Math.abs(xOf(frame, count, width) - x);
  const closest = keyframes.reduce((best, frame) => (distance(frame) < distance(best) ? frame : best), keyframes[0]);
  if (closest !== undefined && distance(closest) <= NEAR) return closest;
  const frame = Math.round(((x - MARGIN) / (width - 2 * MARGIN)) * (count - 1));
  return Math.max(0, Math.min(frame, count - 1));
}

/**
 * Draw the strip.
 * @param {CanvasRenderingContext2D} context
 * @param {{count: number, keyframes: number[], planned: number[], cuts: number[], curve: number[], film?: ImageBitmap,
 *   aspect: number, cursor?: number}} strip
 * @param {string} ink colour of texts around
 */
export function drawStrip(context, width, height, strip, ink) {
  const filmHeight = strip.film ? Math.round(height * 0.4) : 0;
  if (strip.film) drawFilm(context, strip, width, filmHeight);
  const top = filmHeight + 4;
  const bottom = height - 12;
  drawCurve(context, strip, width, top, bottom, ink);
  drawTicks(context, strip, width, bottom, ink);
  for (const cut of toldApart(strip.cuts, strip.count, width)) {
    line(context, xOf(cut - 0.5, strip.count, width), 0, height, CUT, 1, [3, 3]);
  }
  drawKeyframes(context, strip, width, top, bottom);
  if (strip.cursor !== undefined) line(context, xOf(strip.cursor, strip.count, width), 0, height, ink, 1);
}

function drawFilm(context, { film, aspect, count }, width, height) {
  const side = film.height;
  const pictures = Math.round(film.width / side);
  const across = width - 2 * MARGIN;
  const shown = Math.max(1, Math.min(pictures, Math.round(across / (height * aspect)), count));
  const each = across / shown;
  for (let place = 0; place < shown; place++) {
    const picture = Math.floor(((place + 0.5) * pictures) / shown);
    const drawn = height * aspect;
    context.save();
    context.beginPath();
    context.rect(MARGIN + place * each, 0, each, height);
    context.clip();
    // As wide as its share: the rest is cut off, or left free.
    const x = MARGIN + place * each + (each - drawn) / 2;
    context.drawImage(film, picture * side, 0, side, side, x, 0, drawn, height);
    context.restore();
  }
}

function drawCurve(context, { curve }, width, top, bottom, ink) {
  if (curve.length < 2) return;
  const x = (index) => MARGIN + (index / (curve.length - 1)) * (width - 2 * MARGIN);
  const y = (value) => bottom - (value / 255) * (bottom - top);
  context.beginPath();
  context.moveTo(x(0), bottom);
  curve.forEach((value, index) => context.lineTo(x(index), y(value)));
  context.lineTo(x(curve.length - 1), bottom);
  context.closePath();
  context.globalAlpha = 0.25;
  context.fillStyle = ink;
  context.fill();
  context.globalAlpha = 1;
}

function drawTicks(context, { count }, width, bottom, ink) {
  const spacing = (width - 2 * MARGIN) / Math.max(count - 1, 1);
  context.globalAlpha = 0.5;
  context.fillStyle = ink;
  context.fillRect(MARGIN, bottom, width - 2 * MARGIN, 1);
  if (spacing >= 3) for (let frame = 0; frame < count; frame++) line(context, xOf(frame, count, width), bottom, bottom + 3, ink, 1);
  context.globalAlpha = 1;
}

function drawKeyframes(context, { count, keyframes, planned }, width, top, bottom) {
  const inPlan = new Set(planned);
  const chosen = new Set(keyframes);
  mark(keyframes.filter((frame) => inPlan.has(frame)), KEYFRAME, true);
  mark(keyframes.filter((frame) => !inPlan.has(frame)), ADDED, true);
  mark(planned.filter((frame) => !chosen.has(frame)), REMOVED, false);

  function mark(frames, colour, filled) {
    for (const frame of toldApart(frames, count, width)) markOne(frame, colour, filled);
  }

  function markOne(frame, colour, filled) {
    const x = xOf(frame, count, width);
    if (filled) line(context, x, top, bottom, colour, 1.5);
    context.beginPath();
    for (const [dx, dy] of [[0, -4], [3.5, 0], [0, 4], [-3.5, 0]]) context.lineTo(x + dx, bottom + 5 + dy);
    context.closePath();
    context.lineWidth = 1.25;
    context.fillStyle = context.strokeStyle = colour;
    if (filled) context.fill();
    else context.stroke();
  }
}

/** One frame for each pixel: long clips have more than can be seen. */
function toldApart(frames, count, width) {
  const pixel = (frame) => Math.round(xOf(frame, count, width));
  return frames.filter((frame, place) => !place || pixel(frame) !== pixel(frames[place - 1]));
}

function line(context, x, from, to, colour, width, dashes = []) {
  context.beginPath();
  context.setLineDash(dashes);
  context.moveTo(x, from);
  context.lineTo(x, to);
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.stroke();
  context.setLineDash([]);
}
