/** The pointer on the stage: it finds joints, drags them, zooms and pans. */
import { app } from "../../../../scripts/app.js";
import { placeOn } from "../in_node.js";
import { under } from "./hit.js";

const STARTS = 3; // CSS pixels that make a press a drag
const ZOOM = 1.0015; // by one unit of the wheel

export class StagePointer {
  /**
   * @param {object} stage has `canvas`, `box`, `size`, `motion`, `frame`, `viewport`, `redraw()`
   * @param {object} told is told of `hover(hit)`, `choose(hit)`, `canDrag()`, `drag(hit, by, event)`, `drop()`, `cancel()`
   */
  constructor(stage, told) {
    this.stage = stage;
    this.told = told;
    const { canvas } = stage;
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerup", () => this.up());
    canvas.addEventListener("pointercancel", () => this.cancel());
    canvas.addEventListener("pointerleave", () => this.press ?? this.hover(undefined));
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
  }

  at(event) {
    return placeOn(this.stage.canvas, event);
  }

  hit(event) {
    const { motion, frame, box, person } = this.stage;
    return motion && under(motion, frame, box, this.at(event), { person });
  }

  down(event) {
    if (event.button > 1 || !this.stage.motion) return;
    let hit = event.button ? undefined : this.hit(event);
    const pans = !hit && this.stage.viewport.zoom > 1;
    if (event.button === 1 && !pans) return;
    if (event.button === 1) event.stopPropagation(); // the graph stays
    this.stage.canvas.setPointerCapture(event.pointerId);
    if (hit && event.shiftKey) hit = { ...hit, joint: "body" };
    this.press = { at: this.at(event), hit, pans, moved: false };
    if (hit) this.told.choose(hit);
  }

  move(event) {
    const { press, stage } = this;
    if (!press) return this.hover(this.hit(event));
    const at = this.at(event);
    const [dx, dy] = [at[0] - press.at[0], at[1] - press.at[1]];
    if (!press.moved && Math.hypot(dx, dy) < STARTS) return;
    if (press.pans) {
      event.stopPropagation();
      stage.viewport.pan(stage.box, dx, dy);
      Object.assign(press, { at, moved: true });
      return stage.redraw();
    }
    if (!press.hit || !this.told.canDrag()) return;
    press.moved = true;
    stage.canvas.dataset.drags = true;
    const { box } = stage;
    this.told.drag(press.hit, [dx / box.width, dy / box.height], event);
  }

  up() {
    const { press } = this;
    this.press = undefined;
    this.stage.canvas.dataset.drags = false;
    if (press?.hit && press.moved) this.told.drop();
    else if (press && !press.hit && !press.moved) this.told.choose({ joint: "" });
  }

  /** Whether there was a drag to give up. */
  cancel() {
    const { press } = this;
    this.press = undefined;
    this.stage.canvas.dataset.drags = false;
    const drags = !!press?.hit && press.moved;
    if (drags) this.told.cancel();
    return drags;
  }

  hover(hit) {
    const { hovered } = this;
    if (hovered?.person === hit?.person && hovered?.joint === hit?.joint) return;
    this.hovered = hit;
    this.stage.canvas.dataset.over = !!hit;
    this.told.hover(hit);
  }

  wheel(event) {
    const { stage } = this;
    const mine = event.ctrlKey || event.metaKey || stage.canvas.closest(":popover-open");
    if (!stage.motion) return;
    if (!mine) return void (stage.canvas.closest(".dom-widget") || app.canvas.processMouseWheel(event)); // it is the graph's
    event.preventDefault();
    event.stopPropagation();
    stage.viewport.zoomAt(stage.motion, stage.size, this.at(event), ZOOM ** -event.deltaY);
    stage.redraw();
  }
}
