/** The pointer on the stage: it finds joints, drags them, zooms and pans. */
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

  /** CSS pixels of the canvas, whatever the graph's zoom. */
  at(event) {
    const { canvas } = this.stage;
    const box = canvas.getBoundingClientRect();
    const scale = box.width ? canvas.clientWidth / box.width : 1;
    return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
  }

  hit(event) {
    const { motion, frame, box, person } = this.stage;
    return motion && under(motion, frame, box, this.at(event), { person });
  }

  down(event) {
    const pans = this.stage.panning || (event.button === 1 && this.stage.viewport.zoom > 1);
    if (event.button > 1 || (event.button === 1 && !pans)) return;
    this.stage.canvas.setPointerCapture(event.pointerId);
    if (pans) event.stopPropagation();
    let hit = pans ? undefined : this.hit(event);
    if (hit && event.shiftKey) hit = { ...hit, joint: "body" };
    this.press = { at: this.at(event), hit, pans, drags: false };
    if (!pans && hit) this.told.choose(hit);
  }

  move(event) {
    const { press } = this;
    if (!press) return this.hover(this.hit(event));
    const at = this.at(event);
    const [dx, dy] = [at[0] - press.at[0], at[1] - press.at[1]];
    if (press.pans) {
      event.stopPropagation();
      this.stage.viewport.pan(this.stage.box, dx, dy);
      press.at = at;
      return this.stage.redraw();
    }
    if (!press.hit || (!press.drags && Math.hypot(dx, dy) < STARTS)) return;
    if (!press.drags && !this.told.canDrag()) return;
    press.drags = true;
    const { box } = this.stage;
    this.told.drag(press.hit, [dx / box.width, dy / box.height], event);
  }

  up() {
    const { press } = this;
    this.press = undefined;
    if (press?.drags) this.told.drop();
  }

  /** Whether there was a drag to give up. */
  cancel() {
    const { press } = this;
    this.press = undefined;
    if (press?.drags) this.told.cancel();
    return !!press?.drags;
  }

  hover(hit) {
    const { hovered } = this;
    if (hovered?.person === hit?.person && hovered?.joint === hit?.joint) return;
    this.hovered = hit;
    this.told.hover(hit);
  }

  wheel(event) {
    const { stage } = this;
    if (!(event.ctrlKey || event.metaKey) || !stage.motion) return;
    event.preventDefault();
    event.stopPropagation();
    stage.viewport.zoomAt(stage.motion, stage.size, this.at(event), ZOOM ** -event.deltaY);
    stage.redraw();
  }
}
