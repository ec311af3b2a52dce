/** Draws people as skeletons on a 2D canvas. */
import { placeX, placeY } from "./motion_file.js";

const BODY = 18;
const HAND = 21;
const BONES = [
  [1, 2], [1, 5], [2, 3], [3, 4], [5, 6], [6, 7], [1, 8], [8, 9], [9, 10],
  [1, 11], [11, 12], [12, 13], [1, 0], [0, 14], [14, 16], [0, 15], [15, 17],
];
const FINGERS = [0, 1, 2, 3, 4].flatMap((finger) =>
  [0, 1, 2, 3].map((step) => [step ? 4 * finger + step : 0, 4 * finger + step + 1]),
);

/** Of the first, second… person; to be told apart on dark and on light. */
export const COLOURS = ["#3b8ff0", "#f08c1e", "#21b573", "#d95fd0", "#e5484d", "#12b5c9", "#a08a10", "#8b6cf0"];
export const BEFORE = "#8c8c8c";

const FAINTEST = 0.25; // of what is least sure

/** The largest box of the frame's proportions in a canvas. */
export function fitted(motion, width, height, margin = 0) {
  const across = motion.width || 1;
  const down = motion.height || 1;
  const scale = Math.max(0, Math.min((width - 2 * margin) / across, (height - 2 * margin) / down));
  const box = { width: across * scale, height: down * scale };
  return { ...box, x: (width - box.width) / 2, y: (height - box.height) / 2 };
}

/**
 * Draw one frame's people.
 * @param {CanvasRenderingContext2D} context
 * @param {object} motion as `readMotion` gives it
 * @param {number} frame one of those that are kept
 * @param {{x: number, y: number, width: number, height: number}} box where the frame lies on the canvas
 * @param {{colour?: string, line: number, opacity?: number, person?: number}} look `colour` for all; without it everyone
 *   has their own; `person` is the only one to be drawn, 0 is all
 */
export function drawMotion(context, motion, frame, box, { colour, line, opacity = 1, person: only = 0 }) {
  context.lineCap = "round";
  for (let person = 0; person < motion.people; person++) {
    if (only && person !== only - 1) continue;
    const first = (frame * motion.people + person) * motion.joints;
    context.strokeStyle = context.fillStyle = colour ?? COLOURS[person % COLOURS.length];
    drawPart(context, motion, first, BODY, BONES, box, line, opacity);
    for (let hand = BODY; hand < motion.joints; hand += HAND) {
      drawPart(context, motion, first + hand, HAND, FINGERS, box, line / 2, opacity);
    }
  }
  context.globalAlpha = 1;
}

function drawPart(context, motion, first, joints, edges, box, line, opacity) {
  const sure = (joint) => motion.confidences[first + joint];
  const x = (joint) => box.x + placeX(motion, first + joint) * box.width;
  const y = (joint) => box.y + placeY(motion, first + joint) * box.height;
  const show = (confidence) => {
    context.globalAlpha = opacity * (FAINTEST + ((1 - FAINTEST) * confidence) / 255);
  };
  context.lineWidth = line;
  for (const [a, b] of edges) {
    const confidence = Math.min(sure(a), sure(b));
    if (!confidence) continue;
    show(confidence);
    context.beginPath();
    context.moveTo(x(a), y(a));
    context.lineTo(x(b), y(b));
    context.stroke();
  }
  for (let joint = 0; joint < joints; joint++) {
    if (!sure(joint)) continue;
    show(sure(joint));
    context.beginPath();
    context.arc(x(joint), y(joint), line * 0.9, 0, 2 * Math.PI);
    context.fill();
  }
}
