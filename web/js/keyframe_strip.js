/**
 * The clip as a strip: on Plan Keyframes, where a click adds a keyframe or removes it and the node's `edits` keep that,
 * and on the sampler, which shows what it has sampled.
 */
import { app } from "../../../scripts/app.js";
import { drawStrip, frameAtX } from "./draw_keyframes.js";
import { Drawing, addPanel, addStep, chain, fetchFile, onKeys, placeOn } from "./in_node.js";
import { applyEdits, isShotEnd, outside, parseEdits, toggleFrame } from "./keyframe_edits.js";
import { element } from "./lib/dom.js";
import { moment } from "./lib/format.js";
import { counted, named, word } from "./lib/words.js";

const HEIGHT = 132;
const KEYS = {
  FrugalPlanKeyframes: "frugal_keyframes",
  FrugalKeyframeSampler: "frugal_sampled",
};

class KeyframeStrip {
  constructor(node) {
    this.node = node;
    this.key = KEYS[node.comfyClass];
    const label = this.widget
      ? word("Keyframes. Arrow keys move through the frames, Enter adds a keyframe or removes it.")
      : word("Keyframes. Arrow keys move through the frames.");
    const empty = this.widget
      ? word("Run the graph to see the plan; then click to add and remove keyframes.")
      : word("Run the graph to see what is sampled.");
    const attributes = { role: "slider", tabIndex: 0, "aria-label": label, "aria-valuemin": 0 };
    this.drawing = new Drawing(attributes, (...given) => this.draw(...given));
    const { canvas } = this.drawing;
    this.message = element("p", { role: "status" }, empty);
    this.words = element("output");
    this.reset = element("button", { type: "button", title: word("Back to the plan: removes all edits") }, word("Reset"));
    this.reset.addEventListener("click", () => this.change(""));
    this.bar = element("div", { className: "frugal-bar frugal-spread" }, this.words, this.reset);
    this.element = element("div", { role: "group", "aria-label": word("Keyframe strip") });
    this.element.append(element("div", { className: "frugal-screen" }, canvas, this.message), this.bar);
    canvas.addEventListener("pointermove", (event) => this.point(this.frameUnder(event)));
    canvas.addEventListener("pointerleave", () => this.point(undefined));
    canvas.addEventListener("pointerup", (event) => event.button === 0 && this.toggle(this.frameUnder(event)));
    const toggle = () => this.toggle(this.cursor);
    onKeys(canvas, {
      ArrowLeft: () => this.move(-1),
      ArrowRight: () => this.move(1),
      Home: () => this.move(-Infinity),
      End: () => this.move(Infinity),
      Enter: toggle,
      " ": toggle,
    });
    this.refresh();
  }

  /** Take what a run has sent. */
  async show(output) {
    const plan = output[this.key]?.[0];
    if (!plan || plan === this.plan) return;
    this.several = output[this.key].length;
    this.plan = plan;
    this.film = undefined;
    this.cursor = undefined;
    this.refresh();
    if (!plan.film) return;
    try {
      const film = await createImageBitmap(new Blob([await fetchFile(plan.film)]));
      if (plan === this.plan) this.film = film;
      this.drawing.redraw();
    } catch {
      // without its pictures the strip says all the same
    }
  }

  /** The input that keeps edits; the sampler has none. */
  get widget() {
    return this.node.widgets?.find((widget) => widget.name === "edits");
  }

  get text() {
    return String(this.widget?.value ?? "");
  }

  /** Why a click can change nothing; empty if it can. */
  get locked() {
    if (this.node.inputs?.some((input) => input.name === "edits" && input.link != null)) return word("edits come from another node");
    if (!this.widget) return word("sampled");
    if (this.several > 1) return word("the first of {count} clips; edits go for all", { count: this.several });
    const { wrong } = parseEdits(this.text);
    return wrong.length ? word("{text} is no edit; write +12 -20, or reset", { text: wrong[0] }) : "";
  }

  get planned() {
    return this.plan.planned ?? this.plan.frames;
  }

  get keyframes() {
    return this.locked ? this.plan.frames : applyEdits(this.planned, parseEdits(this.text).wanted);
  }

  /** Write edits into the node's input. */
  change(text) {
    const { widget } = this;
    if (!widget || text === widget.value) return false;
    widget.value = text;
    widget.callback?.(text);
    this.node.setDirtyCanvas?.(true, true);
    addStep();
    this.refresh();
    return true;
  }

  toggle(frame) {
    if (!this.plan || frame === undefined || this.locked) return false;
    this.cursor = frame;
    if (isShotEnd(this.plan, frame)) {
      this.refresh(word("frame {frame} ends a shot: always a keyframe", { frame }));
      return true;
    }
    return this.change(toggleFrame(this.planned, this.text, frame));
  }

  point(frame) {
    if (frame === this.cursor) return;
    this.cursor = frame;
    this.refresh();
  }

  move(step) {
    if (!this.plan) return false;
    this.cursor = Math.max(0, Math.min((this.cursor ?? 0) + step, this.plan.frame_count - 1));
    this.refresh();
    return true;
  }

  frameUnder(event) {
    if (!this.plan) return undefined;
    const { canvas } = this.drawing;
    const [x] = placeOn(canvas, event);
    return frameAtX(x, this.plan.frame_count, canvas.clientWidth, [...new Set([...this.planned, ...this.keyframes])]);
  }

  refresh(words = this.summary()) {
    const { canvas } = this.drawing;
    this.message.hidden = !!this.plan;
    this.words.textContent = this.words.title = words;
    this.reset.hidden = !this.text;
    this.bar.hidden = !this.plan && !this.text;
    canvas.style.cursor = this.plan && !this.locked ? "pointer" : "default";
    canvas.setAttribute("aria-valuemax", (this.plan?.frame_count ?? 1) - 1);
    canvas.setAttribute("aria-valuenow", this.cursor ?? 0);
    canvas.setAttribute("aria-valuetext", words);
    this.drawing.redraw();
  }

  summary() {
    const { plan, cursor } = this;
    if (!plan) return this.text ? named(word("edits"), this.text) : "";
    const { keyframes, locked } = this;
    const beyond = locked ? [] : outside(parseEdits(this.text).wanted, plan.frame_count);
    if (beyond.length) return word("Frame {frame} is outside the clip; reset.", { frame: beyond[0] });
    if (cursor !== undefined) {
      const place = [word("frame {frame}", { frame: cursor }), moment(cursor / rate(plan.frame_rate))];
      return [...place, ...(keyframes.includes(cursor) ? [word("keyframe")] : [])].join(" · ");
    }
    if (plan.report) return plan.report;
    const all = counted(plan.frame_count, word("{count} frame"), word("{count} frames"));
    const count = word("{number} of {all}", { number: keyframes.length, all });
    return locked ? `${count} · ${locked}` : count;
  }

  draw(context, width, height) {
    const { plan, film, cursor } = this;
    if (!plan) return;
    const strip = { ...plan, count: plan.frame_count, keyframes: this.keyframes, planned: this.planned, film, cursor };
    drawStrip(context, width, height, strip, getComputedStyle(this.drawing.canvas).color);
  }

  /** A run has found the plan in ComfyUI's cache, and not told of it. */
  notSent() {
    if (!this.plan) this.message.textContent = word("ComfyUI had this plan in its cache and did not send it again. Change an input to see it.");
  }

  end() {
    this.drawing.observer.disconnect();
    this.film?.close();
  }
}

/** Frames per second, of "25" or "30000/1001". */
function rate(text) {
  const [over, under = 1] = text.split("/").map(Number);
  return over / under;
}

app.registerExtension({
  name: "FrugalMotion.keyframes",
  nodeCreated(node) {
    if (!KEYS[node.comfyClass]) return;
    const strip = new KeyframeStrip(node);
    const { widget } = strip;
    if (widget) chain(widget, "callback", () => strip.refresh());
    addPanel(node, "frugal_strip", strip, HEIGHT);
    chain(node, "onConfigure", () => strip.refresh());
  },
});
