/** The timeline of Edit Motion: where to look, the keys and spans of edits, and hands on all of them. */
import { describe, textButton } from "../buttons.js";
import { element, stylesheet } from "../lib/dom.js";
import { word } from "../lib/words.js";
import { Board, STEP } from "./board.js";
import { drawTimeline } from "./draw_timeline.js";
import { editWords, frameWords, troubleWords } from "./edit_words.js";
import { heightOf, hitAt, inOrder, lanesOf } from "./timeline_lanes.js";
import { pulled } from "./timeline_pull.js";
import { MARGIN, scrolled, wholeView } from "./timeline_scale.js";

stylesheet("editing.css");

const LANES = ["frameCount", "edits", "troubles", "notes", "person", "joint"];

export class Timeline extends Board {
  cursors = { key: "grab", span: "grab", before: "ew-resize", after: "ew-resize", from: "ew-resize", to: "ew-resize", start: "ew-resize", end: "ew-resize", trouble: "pointer", overview: "grab" };

  /**
   * @param {{seek: (frame: number) => void, select: (index: number) => void, preview: (edits: object[]) => void,
   *   change: (edits: object[]) => void, visit: (trouble: object) => void, choose?: (span: ?number[]) => void,
   *   look?: (view: object) => void}} calls as `Board` has them; `choose` takes the frames from in to out
   */
  constructor(calls) {
    super(calls, { troubles: [], span: null });
    this.lanes = lanesOf(this.state);
    this.words = element("output");
    this.nearer = textButton("+", () => this.zoom(STEP));
    this.farther = textButton("−", () => this.zoom(1 / STEP));
    this.whole = textButton("", () => this.see(wholeView(this.state.frameCount)));
    this.screen = element("div", { className: "frugal-screen frugal-timeline" }, this.drawing.canvas);
    this.bar = element("div", { className: "frugal-bar frugal-nowrap" }, this.words, this.farther, this.nearer, this.whole);
    this.element = element("div", { className: "frugal-editing", role: "group" }, this.screen, this.bar);
  }

  /** Words come late: not before something is shown. */
  name() {
    this.element.setAttribute("aria-label", word("Timeline"));
    this.drawing.canvas.setAttribute("aria-label", word("Timeline. Left and right: frames. Up and down: edits. Page up and down: where to look. With shift: moves the edit, makes it longer or shorter. B and A: its fade before and after. Delete removes it. I and O: in and out. Plus and minus: zoom."));
    describe(this.nearer, word("Zoom in"));
    describe(this.farther, word("Zoom out"));
    describe(this.whole, word("Show the whole clip"), word("All"));
  }

  arrange(before) {
    if (before && LANES.every((name) => this.state[name] === before[name])) return;
    this.hover = undefined; // that was of other lanes
    this.lanes = lanesOf({ ...this.state, edits: this.edits });
    this.screen.style.height = `${heightOf(this.lanes) + 2}px`;
  }

  refresh() {
    const words = this.summary();
    this.words.textContent = this.words.title = words;
    this.whole.disabled = !this.view || this.view.across >= this.state.frameCount - 1;
    this.tell(words);
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
    const style = getComputedStyle(this.screen);
    const state = { ...this.state, selected: this.selected, hover: this.hover };
    drawTimeline(context, width, this.scale, this.lanes, state, { ink: style.color, paper: style.backgroundColor });
  }

  hit(x, y) {
    return hitAt(this.lanes, this.scale, x, y, { selected: this.selected, span: this.state.span });
  }

  /** A pointer goes down. */
  grip(x, event) {
    const { gesture } = this;
    const { part, trouble, item } = gesture;
    if (trouble) this.calls.visit(trouble);
    else if (item) this.calls.select(item.index);
    else if (part === "overview") this.drag(x);
    else if (part === "ruler" && event.shiftKey) gesture.part = "range";
    else if (part !== "start" && part !== "end") {
      gesture.part = "seek";
      if (part === "" && this.state.selected >= 0) this.calls.select(-1);
      this.drag(x);
    }
  }

  drag(x, _, event) {
    const { gesture, scale } = this;
    const { part, item } = gesture;
    if (part === "seek") return this.calls.seek(scale.frame(x));
    if (part === "overview") return this.see(scrolled(this.view, scale.count, this.overviewFrame(x) - scale.from - scale.across / 2));
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

  keys() {
    const fade = (part) => (event) => this.nudge(part, (part === "after") === !event.shiftKey ? 1 : -1);
    return {
      ...super.keys(),
      PageUp: () => this.nextTrouble(-1),
      PageDown: () => this.nextTrouble(1),
      a: fade("after"),
      A: fade("after"),
      b: fade("before"),
      B: fade("before"),
      i: () => this.choose(0),
      o: () => this.choose(1),
    };
  }

  raise(by) {
    return this.nudge("after", by, true);
  }

  next(by) {
    return this.nextOf(inOrder(this.lanes), by);
  }

  nextTrouble(by) {
    const { frame, troubles } = this.state;
    const sorted = troubles.toSorted((a, b) => a.from - b.from);
    const trouble = by > 0 ? sorted.find(({ from }) => from > frame) : sorted.findLast(({ to }) => to < frame);
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

  choose(end) {
    const { frame, frameCount, span } = this.state;
    const chosen = [...(span ?? [0, frameCount - 1])];
    chosen[end] = frame;
    this.calls.choose?.(chosen[0] <= chosen[1] ? chosen : [frame, frame]);
    return true;
  }

  escape() {
    if (super.escape()) return true;
    if (!this.state.span) return false;
    this.calls.choose?.(null);
    return true;
  }
}
