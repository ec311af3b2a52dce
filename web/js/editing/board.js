/** A canvas along the frames of a clip on which edits can be taken in hand: what the timeline and the curves share. */
import { app } from "../../../../scripts/app.js";
import { Drawing, onKeys, placeOn } from "../in_node.js";
import { formatEdits, without } from "./edit_value.js";
import { Scale, scrolled, showing, wholeView, zoomed } from "./timeline_scale.js";

export const STEP = 1.5; // times as near
const STILL = 3; // pixels that a click may move
const EMPTY = { frameCount: 0, rate: 25, frame: 0, edits: [], notes: [], selected: -1, person: 1, joint: "body", locked: false };

export class Board {
  /**
   * @param {object} calls `preview` comes while something is dragged and `change` once at its end; `select` and `seek` when
   *   an edit or a frame is gone to; `look`, which may be left out, when it is zoomed or scrolled
   * @param {object} state that it begins with
   */
  constructor(calls, state) {
    this.calls = calls;
    this.state = { ...EMPTY, ...state };
    this.drawing = new Drawing({ role: "slider", tabIndex: 0, "aria-valuemin": 0, "data-capture-wheel": "true" }, (...given) => {
      if (this.state.frameCount) this.draw(...given);
    });
    this.hands(this.drawing.canvas);
    onKeys(this.drawing.canvas, this.keys());
  }

  /** Take what is to be shown; what is left out stays. */
  show(state) {
    const before = this.state;
    if (!this.view) this.name();
    this.state = { ...before, ...state };
    if (this.state.edits === this.draft?.edits) this.state.edits = before.edits; // not yet
    const { frameCount, frame, edits, view } = this.state;
    if (frameCount !== before.frameCount || !this.view) this.view = wholeView(frameCount);
    if (edits !== before.edits) this.draft = this.gesture = undefined; // undo, while something is being dragged
    if (view && view !== before.view) this.view = view;
    else if (frame !== before.frame && !this.gesture) this.view = showing(this.view, frameCount, frame);
    this.arrange(before);
    this.refresh();
  }

  /** The edits as they are seen: with what is being dragged. */
  get edits() {
    return this.draft?.edits ?? this.state.edits;
  }

  get selected() {
    return this.draft?.index ?? this.state.selected;
  }

  get scale() {
    return new Scale(this.state.frameCount, this.drawing.canvas.clientWidth, this.view ?? wholeView(0));
  }

  see(view) {
    this.view = view;
    this.calls.look?.(view);
    this.refresh();
    return true;
  }

  zoom(times, frame = this.state.frame) {
    return this.see(zoomed(this.view, this.state.frameCount, times, frame));
  }

  /** Say what is shown to those who do not see it. */
  tell(words) {
    const { frameCount, frame, locked } = this.state;
    const { canvas } = this.drawing;
    canvas.setAttribute("aria-valuemax", Math.max(0, frameCount - 1));
    canvas.setAttribute("aria-valuenow", frame);
    canvas.setAttribute("aria-valuetext", words);
    canvas.setAttribute("aria-readonly", locked);
    this.drawing.redraw();
  }

  /** Show edits that are not yet the value. */
  try({ edits, index }) {
    this.draft = { edits, index };
    this.arrange();
    this.calls.preview(edits);
    this.refresh();
  }

  /** What has been tried becomes the value, or not. */
  settle(keep = true) {
    const { draft } = this;
    this.draft = undefined;
    if (!draft) return;
    const same = !keep || formatEdits(draft.edits) === formatEdits(this.state.edits);
    if (!same) this.state = { ...this.state, edits: draft.edits, selected: draft.index };
    this.arrange();
    this.refresh();
    if (same) return this.calls.preview(this.state.edits);
    this.calls.change(draft.edits);
    this.calls.select(draft.index);
  }

  /** Edits that are the value at once. */
  change(edits, selected = this.selected) {
    this.draft = this.gesture = this.hover = undefined;
    if (selected !== this.state.selected) this.calls.select(selected);
    this.calls.change(edits);
  }

  hands(canvas) {
    const at = (event) => placeOn(canvas, event);
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !this.state.frameCount) return;
      this.settle();
      canvas.setPointerCapture?.(event.pointerId);
      const [x, y] = at(event);
      this.gesture = { ...this.hit(x, y), x, y, edits: this.edits };
      this.grip(x, event);
    });
    canvas.addEventListener("pointermove", (event) => {
      const [x, y] = at(event);
      if (!this.gesture) return this.point(this.state.frameCount ? this.hit(x, y) : undefined);
      this.gesture.moved ||= Math.hypot(x - this.gesture.x, y - this.gesture.y) >= STILL;
      this.drag(x, y, event);
    });
    canvas.addEventListener("pointerup", () => this.gesture && this.release(true));
    canvas.addEventListener("pointercancel", () => this.release(false));
    canvas.addEventListener("pointerleave", () => !this.gesture && this.point(undefined));
    canvas.addEventListener("wheel", (event) => this.state.frameCount && this.wheel(event, at(event)[0]), { passive: false });
    canvas.addEventListener("keyup", () => !this.gesture && this.settle()); // what a held key does is one change
    canvas.addEventListener("blur", () => !this.gesture && this.settle());
  }

  point(hit) {
    const same = hit?.item === this.hover?.item && hit?.trouble === this.hover?.trouble && hit?.part === this.hover?.part;
    if (same) return;
    this.hover = hit;
    const { canvas } = this.drawing;
    canvas.style.cursor = (this.state.locked && hit?.item ? "pointer" : this.cursors[hit?.part]) ?? "default";
    canvas.title = hit?.trouble || hit?.item ? this.summary() : "";
    this.refresh();
  }

  release(keep) {
    this.gesture = undefined;
    this.settle(keep);
  }

  /** Control and the wheel zoom, shift and the wheel scroll; the wheel alone is the graph's. */
  wheel(event, x) {
    const { scale } = this;
    const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
    if (event.ctrlKey || event.metaKey) this.zoom(Math.exp(-event.deltaY / 300), scale.exactFrame(x));
    else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) this.see(scrolled(this.view, scale.count, sideways / scale.perFrame));
    else return void (event.target.closest(".dom-widget, :popover-open") || app.canvas.processMouseWheel(event)); // panels share it in the classic editor only
    event.preventDefault();
    event.stopPropagation();
  }

  seek(frame) {
    const { frameCount } = this.state;
    if (frameCount) this.calls.seek(Math.max(0, Math.min(frame, frameCount - 1)));
    return true;
  }

  /** Select the edit before or after the one that is selected, or than the playhead, of some in order of time. */
  nextOf(order, by) {
    const here = order.findIndex(({ index }) => index === this.selected);
    const { frame, frameCount } = this.state;
    const beyond = by > 0 ? order.find(({ from }) => from >= frame) : order.findLast(({ from }) => from <= frame);
    const item = here < 0 ? beyond : order[here + by];
    if (!item) return true;
    this.settle();
    this.calls.select(item.index);
    this.calls.seek(Math.min(item.from, frameCount - 1));
    return true;
  }

  /** Keys of the editor's own have control or alt, so none of these do. */
  keys() {
    const shifted = (act, other) => (event) => (event.shiftKey ? act() : other());
    const remove = () => this.remove();
    return {
      ArrowLeft: shifted(() => this.nudge("key", -1), () => this.seek(this.state.frame - 1)),
      ArrowRight: shifted(() => this.nudge("key", 1), () => this.seek(this.state.frame + 1)),
      ArrowUp: shifted(() => this.raise(1), () => this.next(-1)),
      ArrowDown: shifted(() => this.raise(-1), () => this.next(1)),
      "[": () => this.next(-1),
      "]": () => this.next(1),
      Home: () => this.seek(0),
      End: () => this.seek(Infinity),
      Delete: remove,
      Backspace: remove,
      Escape: () => this.escape(),
      "+": () => this.zoom(STEP),
      "=": () => this.zoom(STEP),
      "-": () => this.zoom(1 / STEP),
      0: () => this.see(wholeView(this.state.frameCount)),
    };
  }

  remove() {
    if (!this.edits[this.selected] || this.state.locked) return true;
    this.change(without(this.edits, this.selected), -1);
    return true;
  }

  escape() {
    if (this.draft || this.gesture) this.release(false);
    else if (this.state.selected >= 0) this.calls.select(-1);
    else return false;
    return true;
  }

  end() {
    this.drawing.observer.disconnect();
  }
}
