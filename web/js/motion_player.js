/** A player of skeletons on every node that gives a motion. */
import { app } from "../../../scripts/app.js";
import { BeatMarks } from "./beat_marks.js";
import { BEFORE, drawMotion, fitted } from "./draw_motion.js";
import { Drawing, addPanel, fetchFile, onKeys } from "./in_node.js";
import { counterpart, frameAt, readMotion } from "./motion_file.js";
import { element } from "./lib/dom.js";

const MOTION = "FRUGAL_MOTION";
const HEIGHT = 200;
const MARGIN = 4;
const NOT_SENT = "ComfyUI had this motion in its cache and did not send it again. Change an input to see it.";
const EMPTY = "Run the graph to see the motion.";

class MotionPlayer {
  key = "frugal_motion";

  constructor() {
    this.frame = 0;
    this.clip = 0;
    this.clips = [];
    this.drawing = new Drawing({ "aria-hidden": "true" }, (...given) => this.draw(...given));
    this.message = element("p", { role: "status" }, EMPTY);
    this.playButton = button("Play", () => this.play(!this.playing));
    this.slider = element("input", { type: "range", min: 0, max: 0, value: 0, "aria-label": "Frame" });
    this.slider.addEventListener("input", () => this.seek(this.slider.valueAsNumber));
    this.time = element("output");
    this.chooser = element("select", { "aria-label": "Clip", title: "Clip", hidden: true });
    this.chooser.addEventListener("change", () => this.open(this.chooser.selectedIndex));
    this.beforeButton = toggle("Before", "Also show the motion as it came in, in grey", () => this.drawing.redraw());
    this.loopButton = toggle("Loop", "Play again and again", () => {});
    this.bar = element("div", { className: "frugal-bar" }, this.playButton, this.slider, this.time);
    this.options = element("div", { className: "frugal-bar" }, this.chooser, this.beforeButton, this.loopButton);
    this.element = element("div", { role: "group", "aria-label": "Motion player", tabIndex: 0 });
    this.element.append(element("div", { className: "frugal-screen" }, this.drawing.canvas, this.message), this.bar, this.options);
    this.beats = new BeatMarks(this.slider);
    onKeys(this.element, {
      " ": (event) => event.target.tagName !== "BUTTON" && this.play(!this.playing),
      ArrowLeft: () => this.seek(this.frame - 1),
      ArrowRight: () => this.seek(this.frame + 1),
      Home: () => this.seek(0),
      End: () => this.seek(Infinity),
    });
    this.say(EMPTY);
  }

  /** Take what a run has sent. */
  show(output) {
    const clips = output.frugal_motion;
    if (!clips?.length || (this.motion && JSON.stringify(clips) === JSON.stringify(this.clips))) return;
    this.clips = clips;
    this.chooser.replaceChildren(...clips.map((_, index) => element("option", {}, `Clip ${index + 1}`)));
    this.chooser.hidden = clips.length < 2;
    this.open(Math.min(this.clip, clips.length - 1));
  }

  async open(clip) {
    this.clip = this.chooser.selectedIndex = clip;
    const shown = this.clips[clip];
    try {
      if (!shown.motion) throw new Error("There was no room for a preview in ComfyUI's temp folder.");
      const files = [shown.motion, shown.before].filter(Boolean);
      const [motion, before] = (await Promise.all(files.map(fetchFile))).map(readMotion);
      if (shown !== this.clips[this.clip]) return; // something else has been asked for meanwhile
      this.take(motion, before);
    } catch (error) {
      if (shown === this.clips[this.clip]) this.say(error.message);
    }
  }

  take(motion, before) {
    const nothing = motion.frames === 0 ? "This motion has no frames." : motion.people === 0 ? "There is nobody in this motion." : "";
    this.say(nothing);
    if (nothing) return;
    Object.assign(this, { motion, before });
    this.beats.show(this.clips[this.clip].beats, motion);
    this.slider.max = motion.frames - 1;
    this.beforeButton.hidden = !before;
    this.loopButton.hidden = motion.frames < 2;
    this.seek(Math.min(this.frame, motion.frames - 1));
  }

  /** Show words in place of people. */
  say(text) {
    if (text) {
      this.motion = this.before = undefined;
      this.play(false);
    }
    this.message.textContent = text;
    this.message.hidden = !text;
    this.bar.hidden = this.beforeButton.hidden = this.loopButton.hidden = !!text;
    this.drawing.redraw();
  }

  seek(frame) {
    if (!this.motion) return false;
    this.frame = Math.max(0, Math.min(frame, this.motion.frames - 1));
    this.startedAt = undefined;
    this.refresh();
    return true;
  }

  refresh() {
    const { frameCount, rate, step } = this.motion;
    const number = this.frame * step;
    const time = (number / rate).toFixed(2);
    this.slider.value = this.frame;
    this.time.textContent = `${number} / ${frameCount - 1} · ${time} s`;
    this.slider.setAttribute("aria-valuetext", `frame ${number} of ${frameCount}, ${time} seconds`);
    this.drawing.redraw();
  }

  play(on) {
    cancelAnimationFrame(this.next);
    const canPlay = this.motion?.frames > 1;
    this.playing = on && canPlay;
    this.playButton.dataset.icon = this.playing ? "pause" : "play";
    this.playButton.title = this.playing ? "Pause" : "Play";
    this.playButton.setAttribute("aria-label", this.playButton.title);
    if (!this.playing) return canPlay;
    if (this.frame >= this.motion.frames - 1) this.frame = 0;
    this.startedAt = undefined;
    this.next = requestAnimationFrame((now) => this.tick(now));
    return true;
  }

  tick(now) {
    const { motion } = this;
    this.startedAt ??= now - (1000 * this.frame * motion.step) / motion.rate;
    const loop = this.loopButton.getAttribute("aria-pressed") === "true";
    const frame = frameAt(motion, (now - this.startedAt) / 1000, loop);
    if (frame !== this.frame) {
      this.frame = frame;
      this.refresh();
    }
    if (!loop && frame === motion.frames - 1) this.play(false);
    else this.next = requestAnimationFrame((later) => this.tick(later));
  }

  draw(context, width, height) {
    const { motion, before, frame } = this;
    if (!motion?.frames) return;
    const box = fitted(motion, width, height, MARGIN);
    context.strokeStyle = "rgba(128, 128, 128, 0.5)";
    context.lineWidth = 1;
    context.strokeRect(box.x, box.y, box.width, box.height);
    const line = Math.max(1.5, Math.min(box.width, box.height) / 90);
    if (before?.frames && this.beforeButton.getAttribute("aria-pressed") === "true") {
      drawMotion(context, before, counterpart(motion, frame, before), box, { colour: BEFORE, line, opacity: 0.6 });
    }
    drawMotion(context, motion, frame, box, { line });
  }

  /** A run has found the motion in ComfyUI's cache, and not told where it is. */
  notSent() {
    if (!this.clips.length) this.say(NOT_SENT);
  }

  end() {
    this.play(false);
    this.drawing.observer.disconnect();
  }
}

function button(label, act) {
  const made = element("button", { type: "button", "aria-label": label, title: label, "data-icon": label.toLowerCase() });
  made.addEventListener("click", act);
  return made;
}

/** A button that is on or off, first on. */
function toggle(label, title, changed) {
  const made = element("button", { type: "button", "aria-pressed": "true", title, className: "frugal-toggle" }, label);
  made.addEventListener("click", () => {
    made.setAttribute("aria-pressed", made.getAttribute("aria-pressed") !== "true");
    changed();
  });
  return made;
}

app.registerExtension({
  name: "FrugalMotion.player",
  nodeCreated(node) {
    if (node.outputs?.some((output) => output.type === MOTION)) addPanel(node, "frugal_player", new MotionPlayer(), HEIGHT);
  },
});
