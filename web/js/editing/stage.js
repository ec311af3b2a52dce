/** The stage: people at a frame, with the clip behind them, their neighbours in time, and what can be taken hold of. */
import { BEFORE, COLOURS, drawMotion } from "../draw_motion.js";
import { Drawing } from "../in_node.js";
import { placeX, placeY } from "../motion_file.js";
import { word } from "../lib/words.js";
import { handles } from "./hit.js";
import { EVERYTHING, PELVIS, jointNumber } from "./joints.js";
import { StagePointer } from "./stage_pointer.js";

const LINE = 110; // parts of the frame's shorter side that a limb is thick
const [PAST, FUTURE] = ["#c98a9a", "#8fb8b0"];
const OTHERS = 0.45; // opacity of those who are not chosen

export class Stage {
  /** @param {object} told see `StagePointer` */
  constructor(viewport, told) {
    const label = word("Motion. Drag joints with the pointer; Alt with the arrow keys moves the chosen one.");
    this.drawing = new Drawing({ role: "img", "aria-label": label, "data-capture-wheel": "true" }, (...given) => this.draw(...given));
    this.viewport = viewport;
    this.state = {};
    this.pointer = new StagePointer(this, told);
  }

  get canvas() {
    return this.drawing.canvas;
  }

  get motion() {
    return this.state.motion;
  }

  get frame() {
    return this.state.frame;
  }

  get person() {
    return this.state.person;
  }

  get size() {
    return [this.canvas.clientWidth, this.canvas.clientHeight];
  }

  get box() {
    return this.viewport.box(this.motion, ...this.size);
  }

  /**
   * @param {{motion: object, frame: number, person: number, joint: string, hovered: object, before: object | undefined,
   *   onion: number, film: object | undefined, plain: boolean}} state `plain`: nothing can be taken hold of
   */
  show(state) {
    this.state = state;
    this.redraw();
  }

  redraw() {
    this.drawing.redraw();
  }

  draw(context) {
    const { motion, frame, film, filmFrame = frame, before, onion, plain } = this.state;
    if (!motion?.frames) return;
    const { box } = this;
    film?.draw(context, filmFrame, box);
    if (film) shade(context, box);
    context.strokeStyle = "rgba(128, 128, 128, 0.5)";
    context.lineWidth = 1;
    context.strokeRect(box.x, box.y, box.width, box.height);
    const line = Math.max(1.5, Math.min(box.width, box.height) / LINE / Math.sqrt(this.viewport.zoom));
    if (onion) this.drawNeighbours(context, box, line);
    if (before) drawMotion(context, before, Math.min(frame, before.frames - 1), box, { colour: BEFORE, line, opacity: 0.7 });
    const people = Array.from({ length: motion.people }, (_, place) => place + 1);
    for (const person of people) {
      const opacity = plain || !this.person || person === this.person ? 1 : OTHERS;
      drawMotion(context, motion, frame, box, { line, opacity, person });
    }
    if (!plain) this.drawHolds(context, box, line);
  }

  drawNeighbours(context, box, line) {
    const { motion, frame, onion, person } = this.state;
    for (let away = onion; away > 0; away--) {
      for (const [other, colour] of [[frame - away, PAST], [frame + away, FUTURE]]) {
        if (other < 0 || other >= motion.frames) continue;
        drawMotion(context, motion, other, box, { colour, line: line * 0.6, opacity: 0.5 / away, person });
      }
    }
  }

  /** The handles of the chosen person, and rings around what is chosen and what lies under the pointer. */
  drawHolds(context, box, line) {
    const { motion, frame, person, joint, hovered } = this.state;
    if (person) {
      const grips = handles(motion, frame, person, box);
      if (grips.pelvis) diamond(context, ...grips.pelvis, line + 2.5, COLOURS[(person - 1) % COLOURS.length]);
      if (grips.body) cross(context, ...grips.body, 6);
    }
    if (hovered) this.ring(context, box, hovered, line, 0.6);
    if (joint) this.ring(context, box, { person, joint }, line, 1);
  }

  ring(context, box, { person, joint }, line, opacity) {
    const at = this.placeOf(box, person, joint);
    if (!at) return;
    const radius = line + 4;
    context.globalAlpha = opacity;
    context.beginPath();
    context.arc(...at, radius, 0, 2 * Math.PI);
    strokeOnAny(context, 1.75);
    context.globalAlpha = 1;
  }

  /** Where a joint or handle is on the canvas; undefined if it is missing. */
  placeOf(box, person, joint) {
    const { motion, frame } = this.state;
    if (!motion?.frames || person > motion.people) return undefined;
    if (joint === PELVIS || joint === EVERYTHING) return handles(motion, frame, person, box)[joint];
    const number = jointNumber(joint);
    const point = (frame * motion.people + person - 1) * motion.joints + number;
    if (number >= motion.joints || !motion.confidences[point]) return undefined;
    return [box.x + placeX(motion, point) * box.width, box.y + placeY(motion, point) * box.height];
  }

  end() {
    this.drawing.observer.disconnect();
  }
}

/** The clip is darkened a little, so that people stand out. */
function shade(context, box) {
  context.fillStyle = "rgba(0, 0, 0, 0.35)";
  context.fillRect(box.x, box.y, box.width, box.height);
}

function diamond(context, x, y, radius, colour) {
  context.beginPath();
  context.moveTo(x, y - radius);
  context.lineTo(x + radius, y);
  context.lineTo(x, y + radius);
  context.lineTo(x - radius, y);
  context.closePath();
  Object.assign(context, { fillStyle: colour, strokeStyle: "#fff", lineWidth: 1 });
  context.fill();
  context.stroke();
}

/** The sign of moving: four arrows. */
function cross(context, x, y, radius) {
  Object.assign(context, { lineCap: "round", lineJoin: "round" });
  context.beginPath();
  for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
    const [tipX, tipY] = [x + dx * radius, y + dy * radius];
    context.moveTo(x, y);
    context.lineTo(tipX, tipY);
    context.moveTo(tipX - 2.5 * dx - 2.5 * dy, tipY - 2.5 * dy - 2.5 * dx);
    context.lineTo(tipX, tipY);
    context.lineTo(tipX - 2.5 * dx + 2.5 * dy, tipY - 2.5 * dy + 2.5 * dx);
  }
  strokeOnAny(context, 1.25);
}

/** A white line that is seen on light, too. */
function strokeOnAny(context, lineWidth) {
  for (const look of [{ strokeStyle: "rgba(0, 0, 0, 0.6)", lineWidth: lineWidth + 1.75 }, { strokeStyle: "#fff", lineWidth }]) {
    Object.assign(context, look);
    context.stroke();
  }
}
