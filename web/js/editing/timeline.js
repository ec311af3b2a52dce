/** The timeline of Edit Motion: where to look, the keys and spans of edits, and hands on all of them. */
import { Drawing, onKeys } from "../in_node.js";
import { element, stylesheet } from "../lib/dom.js";
import { word } from "../lib/words.js";
import { drawTimeline } from "./draw_timeline.js";
import { formatEdits, without } from "./edit_value.js";
import { editWords, frameWords, troubleWords } from "./edit_words.js";
import { heightOf, hitAt, inOrder, lanesOf } from "./timeline_lanes.js";
import { pulled } from "./timeline_pull.js";
import { MARGIN, Scale, scrolled, showing, wholeView, zoomed } from "./timeline_scale.js";

stylesheet("editing.css");

const CURSORS = { key: "grab", span: "grab", before: "ew-resize", after: "ew-resize", from: "ew-resize", to: "ew-resize", start: "ew-resize", end: "ew-resize", trouble: "pointer", overview: "grab" };
const STILL = 3; // pixels that a click may move
const STEP = 1.5; // times as near
const EMPTY = { frameCount: 0, rate: 25, frame: 0, edits: [], troubles: [], notes: [], selected: -1, person: 1, joint: "body", span: null, locked: false };
const LANES = ["frameCount", "edits", "troubles", "notes", "person", "joint"];

export class Timeline {
  /**
   * @param {{seek: (frame: number) => void, select: (index: number) => void, preview: (edits: object[]) => void,
   *   change: (edits: object[]) => void, visit: (trouble: object) => void, choose?: (span: ?number[]) => void}} calls
   *   `preview` comes while something is dragged and `change` once at its end; `choose` takes the frames from in to out
   */
  constructor(calls) {
    this.calls = calls;
    this.state = EMPTY;
    this.lanes = lanesOf(EMPTY);
    const attributes = { role: "slider", tabIndex: 0, "aria-valuemin": 0, "data-capture-wheel": "true" };
    this.drawing = new Drawing(attributes, (...given) => this.draw(...given));
    const { canvas } = this.drawing;
    this.words = element("output");
    this.nearer = button("+", () => this.zoom(STEP));
    this.farther = button("−", () => this.zoom(1 / STEP));
    this.whole = button("", () => this.see(wholeView(this.state.frameCount)));
    this.screen = element("div", { className: "frugal-screen frugal-timeline" }, canvas);
    this.bar = element("div", { className: "frugal-bar frugal-nowrap" }, this.words, this.farther, this.nearer, this.whole);
    this.element = element("div", { className: "frugal-editing", role: "group" }, this.screen, this.bar);
    this.hands(canvas);
    this.keys(canvas);
  }

  /** Take what is to be shown; what is left out stays. */
  show(state) {
    const before = this.state;
    if (before === EMPTY) this.name();
    this.state = { ...before, ...state };
    if (this.state.edits === this.draft?.edits) this.state.edits = before.edits; // not yet
    const { frameCount, frame, edits } = this.state;
    if (frameCount !== before.frameCount || !this.view) this.view = wholeView(frameCount);
    if (edits !== before.edits) this.draft = this.gesture = undefined; // undo, while something is being dragged
    if (LANES.some((name) => this.state[name] !== before[name])) this.arrange();
    if (frame !== before.frame && !this.gesture) this.view = showing(this.view, frameCount, frame);
    this.refresh();
  }

  /** Words come late: not before something is shown. */
  name() {
    this.element.setAttribute("aria-label", word("Timeline"));
    this.drawing.canvas.setAttribute("aria-label", word("Timeline. Left and right: frames. Up and down: edits. Page up and down: where to look. With shift: moves the edit, makes it longer or shorter. B and A: its fade before and after. Delete removes it. I and O: in and out. Plus and minus: zoom."));
    this.whole.textContent = word("All");
    for (const [made, title] of [[this.nearer, word("Zoom in")], [this.farther, word("Zoom out")], [this.whole, word("Show the whole clip")]]) {
      made.title = title;
      made.setAttribute("aria-label", title);
    }
  }

  /** The edits as they are seen: with what is being dragged. */
  get edits() {
    return this.draft?.edits ?? this.state.edits;
  }

  get selected() {
    return this.draft?.index ?? this.state.selected;
  }

  arrange() {
    this.lanes = lanesOf({ ...this.state, edits: this.edits });
    this.screen.style.height = `${heightOf(this.lanes) + 2}px`;
  }

  get scale() {
    return new Scale(this.state.frameCount, this.drawing.canvas.clientWidth, this.view ?? wholeView(0));
  }

  see(view) {
    this.view = view;
    this.refresh();
    return true;
  }

  zoom(times, frame = this.state.frame) {
    return this.see(zoomed(this.view, this.state.frameCount, times, frame));
  }

  refresh() {
    const { frameCount, frame, locked } = this.state;
    const { canvas } = this.drawing;
    const words = this.summary();
    this.words.textContent = this.words.title = words;
    this.whole.disabled = !this.view || this.view.across >= frameCount - 1;
    canvas.setAttribute("aria-valuemax", Math.max(0, frameCount - 1));
    canvas.setAttribute("aria-valuenow", frame);
    canvas.setAttribute("aria-valuetext", words);
    canvas.setAttribute("aria-readonly", locked);
    this.drawing.redraw();
  }

  summary() {
    const { frame, frameCount, rate, notes } = this.state;
    if (!frameCount) return "";
    if (this.hover?.trouble) return troubleWords(this.hover.trouble);
    const index = this.hover?.item?.index ?? this.selected;
    const edit = this.edits[index];
    if (edit) return editWords(edit, notes.find((note) => note.edit === index)?.why);
    return frameWords(frame, frameCount, rate);
  }

  draw(context, width) {
    if (!this.state.frameCount) return;
    const style = getComputedStyle(this.screen);
    const state = { ...this.state, selected: this.selected, hover: this.hover };
    drawTimeline(context, width, this.scale, this.lanes, state, { ink: style.color, paper: style.backgroundColor });
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

  hands(canvas) {
    const at = (event) => {
      const box = canvas.getBoundingClientRect(); // as the graph's zoom shows it
      const times = canvas.clientWidth / box.width;
      return [(event.clientX - box.left) * times, (event.clientY - box.top) * times];
    };
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !this.state.frameCount) return;
      this.settle();
      canvas.setPointerCapture?.(event.pointerId);
      this.grip(...at(event), event);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (this.gesture) this.drag(at(event)[0], event);
      else this.point(this.hit(...at(event)));
    });
    canvas.addEventListener("pointerup", () => this.gesture && this.release(true));
    canvas.addEventListener("pointercancel", () => this.release(false));
    canvas.addEventListener("pointerleave", () => !this.gesture && this.point(undefined));
    canvas.addEventListener("wheel", (event) => this.wheel(event, at(event)[0]), { passive: false });
  }

  hit(x, y) {
    const { span } = this.state;
    return this.state.frameCount ? hitAt(this.lanes, this.scale, x, y, { selected: this.selected, span }) : undefined;
  }

  point(hit) {
    const same = hit?.item === this.hover?.item && hit?.trouble === this.hover?.trouble && hit?.part === this.hover?.part;
    if (same) return;
    this.hover = hit;
    const { canvas } = this.drawing;
    canvas.style.cursor = (this.state.locked && hit?.item ? "pointer" : CURSORS[hit?.part]) ?? "default";
    canvas.title = hit?.trouble || hit?.item ? this.summary() : "";
    this.refresh();
  }

  /** A pointer goes down. */
  grip(x, y, event) {
    const hit = this.hit(x, y);
    const { frame } = this.state;
    const { from } = this.scale;
    this.gesture = { ...hit, x, edits: this.edits, view: from, frame };
    if (hit.trouble) this.calls.visit(hit.trouble);
    else if (hit.item) this.calls.select(hit.item.index);
    else if (hit.part === "overview") this.drag(x, event);
    else if (hit.part === "ruler" && event.shiftKey) this.gesture.part = "range";
    else if (hit.part !== "start" && hit.part !== "end") {
      this.gesture.part = "seek";
      if (hit.part === "" && this.state.selected >= 0) this.calls.select(-1);
      this.drag(x, event);
    }
  }

  drag(x, event) {
    const { gesture, scale } = this;
    const { part, item } = gesture;
    if (part === "seek") return this.calls.seek(scale.frame(x));
    if (part === "overview") return this.see(scrolled(this.view, scale.count, this.overviewFrame(x) - scale.from - scale.across / 2));
    gesture.moved ||= Math.abs(x - gesture.x) >= STILL;
    if (!gesture.moved || gesture.trouble) return undefined;
    if (["range", "start", "end"].includes(part)) return this.chooseTo(part, gesture.x, x);
    if (this.state.locked) return undefined;
    const by = Math.round((x - gesture.x) / scale.perFrame);
    return this.try(pulled(gesture.edits, item.index, part, by, scale.count, event.altKey || event.shiftKey));
  }

  overviewFrame(x) {
    const { count, width } = this.scale;
    return ((x - MARGIN) / Math.max(1, width - 2 * MARGIN)) * (count - 1);
  }

  chooseTo(part, start, x) {
    const { scale } = this;
    const [from, to] = this.state.span ?? [];
    const fixed = part === "range" ? scale.frame(start) : part === "start" ? to : from;
    if (part !== "range") this.gesture.part = scale.frame(x) < fixed ? "start" : "end";
    this.calls.choose?.([fixed, scale.frame(x)].sort((a, b) => a - b));
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
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Keys of the editor's own have control or alt, so none of these do; what a held key does is one change. */
  keys(canvas) {
    const { calls } = this;
    const shifted = (act, other) => (event) => (event.shiftKey ? act() : other());
    const seek = (frame) => this.seek(frame);
    const next = (by) => () => this.next(by);
    const remove = () => this.remove();
    const fade = (part) => (event) => this.nudge(part, (part === "after") === !event.shiftKey ? 1 : -1);
    const choose = (end) => () => this.choose(end);
    onKeys(canvas, {
      ArrowLeft: shifted(() => this.nudge("key", -1), () => seek(this.state.frame - 1)),
      ArrowRight: shifted(() => this.nudge("key", 1), () => seek(this.state.frame + 1)),
      ArrowUp: shifted(() => this.nudge("after", 1, true), next(-1)),
      ArrowDown: shifted(() => this.nudge("after", -1, true), next(1)),
      "[": next(-1),
      "]": next(1),
      PageUp: () => this.nextTrouble(-1),
      PageDown: () => this.nextTrouble(1),
      Home: () => seek(0),
      End: () => seek(Infinity),
      a: fade("after"),
      A: fade("after"),
      b: fade("before"),
      B: fade("before"),
      i: choose(0),
      o: choose(1),
      Delete: remove,
      Backspace: remove,
      Escape: () => this.escape(),
      "+": () => this.zoom(STEP),
      "=": () => this.zoom(STEP),
      "-": () => this.zoom(1 / STEP),
      0: () => this.see(wholeView(this.state.frameCount)),
    });
    canvas.addEventListener("keyup", () => !this.gesture && this.settle());
    canvas.addEventListener("blur", () => !this.gesture && this.settle());
  }

  seek(frame) {
    const { frameCount } = this.state;
    if (frameCount) this.calls.seek(Math.max(0, Math.min(frame, frameCount - 1)));
    return true;
  }

  /** Select the edit before or after the one that is selected, or than the playhead. */
  next(by) {
    const order = inOrder(this.lanes);
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

  nextTrouble(by) {
    const { frame, troubles } = this.state;
    const sorted = troubles.toSorted((a, b) => a.from - b.from);
    const trouble = by > 0 ? sorted.find(({ from }) => from > frame) : sorted.findLast(({ from }) => from < frame);
    if (trouble) this.calls.visit(trouble);
    return true;
  }

  /** Move the selected edit, or an end of its span. */
  nudge(part, by, both = false) {
    const edit = this.edits[this.selected];
    if (!edit || this.state.locked) return true;
    const faded = edit.do === "move" || edit.do === "pose";
    const ofSpan = { key: "span", before: "from", after: "to" };
    this.try(pulled(this.edits, this.selected, faded ? part : ofSpan[part], by, this.state.frameCount, both));
    return true;
  }

  remove() {
    const index = this.selected;
    if (!this.edits[index] || this.state.locked) return true;
    const edits = without(this.edits, index);
    this.draft = this.gesture = this.hover = undefined;
    this.calls.select(-1);
    this.calls.change(edits);
    return true;
  }

  choose(end) {
    const { frame, frameCount, span } = this.state;
    const chosen = [...(span ?? [0, frameCount - 1])];
    chosen[end] = frame;
    this.calls.choose?.(chosen[0] <= chosen[1] ? chosen : [frame, frame]);
    return true;
  }

  escape() {
    if (this.draft || this.gesture) this.release(false);
    else if (this.state.selected >= 0) this.calls.select(-1);
    else if (this.state.span) this.calls.choose?.(null);
    else return false;
    return true;
  }

  end() {
    this.drawing.observer.disconnect();
  }
}

function button(text, act) {
  const made = element("button", { type: "button" }, text);
  made.addEventListener("click", act);
  return made;
}
