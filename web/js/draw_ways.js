/** Draws the shots of a clip along its time, in the colours of the ways in which they were made. */

export const MARGIN = 6;
const BAR = 8;
const GAP = 2; // pixels between shots that are wide enough
const DOT = 2;

/** Where a time lies, from the left. */
export function xOf(time, seconds, width) {
  return MARGIN + (seconds > 0 ? time / seconds : 0) * (width - 2 * MARGIN);
}

/** The time at a place. */
export function timeAtX(x, seconds, width) {
  return ((x - MARGIN) / (width - 2 * MARGIN)) * seconds;
}

/**
 * Draw the strip.
 * @param {CanvasRenderingContext2D} context
 * @param {{seconds: number, shots: {from: number, to: number, way: string}[], colours: Map<string, string>,
 *   keyframes: {time: number}[], at: number}} strip `at` is the place of the keyframe that is shown
 * @param {string} ink colour of texts around
 */
export function drawWays(context, width, height, { seconds, shots, colours, keyframes, at }, ink) {
  const x = (time) => xOf(time, seconds, width);
  const top = (height - BAR) / 2;
  for (const { from, to, way } of shots) {
    const across = x(to) - x(from);
    const gap = across > 3 * GAP ? GAP : 0;
    context.fillStyle = colours.get(way) ?? ink;
    context.beginPath();
    context.roundRect(x(from), top, across - gap, BAR, gap ? 2 : 0);
    context.fill();
  }
  context.fillStyle = "#fff";
  let last = -Infinity;
  for (const { time } of keyframes) {
    if (x(time) - last < 3 * DOT) continue; // no more than can be told apart
    last = x(time);
    context.globalAlpha = 0.85;
    disc(context, last, height / 2, DOT);
  }
  context.globalAlpha = 1;
  if (keyframes[at]) drawCursor(context, x(keyframes[at].time), height, ink);
}

function drawCursor(context, x, height, ink) {
  context.fillStyle = "#fff";
  context.strokeStyle = "#222";
  context.lineWidth = 1;
  context.beginPath();
  context.roundRect(x - 3, 1.5, 6, height - 3, 3);
  context.fill();
  context.stroke();

}

function disc(context, x, y, radius) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
}
