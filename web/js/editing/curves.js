/** The course of a joint as curves: its keys can be dragged up and down, along time, and given a slope. */
import { describe, textButton } from "../buttons.js";
import { element, stylesheet } from "../lib/dom.js";
import { word } from "../lib/words.js";
import { Board } from "./board.js";
import { CHANNELS } from "./channels.js";
import { levelled, raised, riseAt, sloped, slopeOf } from "./curve_pull.js";
import { Heights, curveHit, drawCurves, rangeOf, valueLabel } from "./draw_curves.js";
import { frameWords, jointWords } from "./edit_words.js";
import { lanesOf } from "./timeline_lanes.js";
import { pulled } from "./timeline_pull.js";

stylesheet("editing.css");

const KEYS = ["frameCount", "edits", "notes", "person", "joint"];
const RISE = { x: 0.002, y: -0.002, angle: 1 }; // of the arrow key that goes up
const NOTHING = new Float32Array();

export class Curves extends Board {
  cursors = { key: "move", before: "ns-resize", after: "ns-resize" };

  /**
   * @param {{seek: (frame: number) => void, select: (index: number) => void, preview: (edits: object[]) => void,
   *   change: (edits: object[]) => void, channel?: (name: string) => void, look?: (view: object) => void}} calls as `Board`
   *   has them; `channel` when another is wanted. `show` takes, besides what the timeline takes: `channel`; `source` and
   *   `posed`, as `channelOf` gives them; and `limb`, which gives for a frame what `limbOf` does, of the posed motion
   */
  constructor(calls) {
    super(calls, { channel: "x", source: NOTHING, posed: NOTHING, limb: () => undefined });
    this.items = [];
    this.words = element("output");
    this.channels = CHANNELS.map((name) => textButton("", () => this.calls.channel?.(name)));
    this.level = textButton("", () => this.auto());
    for (const made of this.channels) made.classList.add("frugal-toggle");
    this.screen = element("div", { className: "frugal-screen frugal-curves" }, this.drawing.canvas);
    this.bar = element("div", { className: "frugal-bar frugal-nowrap" }, this.words, this.level, this.channels);
    this.element = element("div", { className: "frugal-editing", role: "group" }, this.screen, this.bar);
  }

  /** Words come late: not before something is shown. */
  name() {
    this.element.setAttribute("aria-label", word("Curves"));
    this.drawing.canvas.setAttribute("aria-label", word("Curves. Left and right: frames. Up and down: keys. With shift: moves the key in time or changes its value. S: its slope. U: automatic slope. Delete removes it. Plus and minus: zoom."));
    const [x, y, angle] = this.channels;
    describe(x, word("Across"), "x");
    describe(y, word("Down"), "y");
    describe(angle, word("Angle about the joint that it hangs on"), word("angle"));
    describe(this.level, word("The key's slope as it comes by itself"), word("Auto"));
  }

  arrange(before) {
    if (before && KEYS.every((name) => this.state[name] === before[name])) return;
    this.hover = undefined; // that was of other keys
    const { strong } = lanesOf({ ...this.state, edits: this.edits });
    this.items = this.hasCurve ? strong.filter(({ edit }) => edit.do === "move") : [];
  }

  get hasCurve() {
    return !!this.state.person && !!this.state.joint;
  }

  get chosen() {
    return this.items.find(({ index }) => index === this.selected);
  }

  get heights() {
    const { source, posed, channel } = this.state;
    const { first, last } = this.scale;
    const [low, high] = this.gesture?.range ?? rangeOf([source, posed], first, last, channel);
    return new Heights(low, high, this.drawing.canvas.clientHeight, channel);
  }

  refresh() {
    const { channel, locked } = this.state;
    const words = this.summary();
    this.words.textContent = this.words.title = words;
    this.level.hidden = channel === "angle";
    this.level.disabled = locked || !this.chosen?.edit.slope;
    this.channels.forEach((made, place) => made.setAttribute("aria-pressed", CHANNELS[place] === channel));
    this.tell(words);
  }

  summary() {
    const { frame, frameCount, rate, joint, channel, posed } = this.state;
    if (!frameCount) return "";
    if (!this.hasCurve) return word("Choose a joint to see its curve.");
    const key = this.hover?.item ?? this.chosen;
    const at = key?.from ?? frame;
    const value = `${channel === "angle" ? word("angle") : channel} ${valueLabel(posed[at], channel)}`;
    const words = `${value} · ${jointWords(joint)} · ${frameWords(at, frameCount, rate)}`;
    return key?.why === undefined ? words : `${words} · ${word("skipped: {why}", { why: key.why })}`;
  }

  draw(context, width, height) {
    if (!this.hasCurve) return;
    const style = getComputedStyle(this.screen);
    const state = { ...this.state, selected: this.selected, hover: this.hover };
    const look = { ink: style.color, paper: style.backgroundColor };
    drawCurves(context, width, height, this.scale, this.heights, this.items, state, look);
  }

  hit(x, y) {
    return curveHit(this.items, this.scale, this.heights, x, y, { ...this.state, selected: this.selected });
  }

  /** A pointer goes down. */
  grip(x) {
    const { gesture, heights } = this;
    const { item } = gesture;
    gesture.range = [heights.low, heights.high];
    if (item) {
      gesture.limb = this.state.limb(item.from);
      gesture.value = this.state.posed[item.from];
      this.calls.select(item.index);
    } else {
      if (this.state.selected >= 0) this.calls.select(-1);
      this.drag(x);
    }
  }

  drag(x, y, event) {
    const { gesture, scale } = this;
    const { part, item } = gesture;
    if (!item) return this.calls.seek(scale.frame(x));
    if (!gesture.moved || this.state.locked) return undefined;
    return part === "key" ? this.dragKey(x, y, event) : this.dragSlope(x, y);
  }

  /** Along time or up and down, whichever the pointer does first; with a modifier both. */
  dragKey(x, y, { altKey, shiftKey }) {
    const { gesture, scale, heights } = this;
    const { item } = gesture;
    const { channel } = this.state;
    gesture.along ??= Math.abs(x - gesture.x) > Math.abs(y - gesture.y);
    const both = altKey || shiftKey;
    const by = both || gesture.along ? Math.round((x - gesture.x) / scale.perFrame) : 0;
    const rise = both || !gesture.along ? heights.value(y) - heights.value(gesture.y) : 0;
    const higher = Number.isFinite(gesture.value) ? raised(gesture.edits, item.index, channel, rise, gesture.limb) : gesture.edits;
    this.try(pulled(higher, item.index, "key", by, scale.count));
  }

  dragSlope(x, y) {
    const { gesture, scale, heights } = this;
    const { item, part, value } = gesture;
    const { channel, source } = this.state;
    const frames = scale.exactFrame(x) - item.from;
    const side = part === "after" ? 1 : -1;
    const rise = (heights.value(y) - value) / (side * Math.max(0.5, side * frames));
    this.try({ edits: sloped(gesture.edits, item.index, channel, rise - riseAt(source, item.from)), index: item.index });
  }

  keys() {
    const auto = () => this.auto();
    return { ...super.keys(), s: () => this.steepen(1), S: () => this.steepen(-1), u: auto, U: auto };
  }

  next(by) {
    return this.nextOf(this.items, by);
  }

  nudge(part, by) {
    if (!this.chosen || this.state.locked) return true;
    this.try(pulled(this.edits, this.selected, part, by, this.state.frameCount));
    return true;
  }

  raise(by) {
    const { channel, locked, limb } = this.state;
    const { chosen } = this;
    if (!chosen || locked) return true;
    const edits = raised(this.edits, chosen.index, channel, by * RISE[channel], limb(chosen.from));
    this.try({ edits, index: chosen.index });
    return true;
  }

  steepen(by) {
    const { channel, locked } = this.state;
    const { chosen } = this;
    if (!chosen || locked || channel === "angle") return true;
    const slope = slopeOf(chosen.edit, channel) + (by * RISE[channel]) / 2;
    this.try({ edits: sloped(this.edits, chosen.index, channel, slope), index: chosen.index });
    return true;
  }

  auto() {
    if (this.chosen?.edit.slope && !this.state.locked) this.change(levelled(this.edits, this.selected));
    return true;
  }
}
