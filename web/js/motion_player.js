/** A player of skeletons on every node that gives a motion. */
import { app } from "../../../scripts/app.js";
import { BeatMarks } from "./beat_marks.js";
import { choice, iconButton, isPressed, relabel, toggle } from "./buttons.js";
import { Clock } from "./clock.js";
import { BEFORE, drawMotion, fitted } from "./draw_motion.js";
import { Drawing, addPanel, fetchFile, noRoom, onKeys } from "./in_node.js";
import { counterpart, nobodyIn, readMotion } from "./motion_file.js";
import { element } from "./lib/dom.js";
import { decimals, moment } from "./lib/format.js";
import { word } from "./lib/words.js";

const MOTION = "FRUGAL_MOTION";
const HAS_ITS_OWN = "FrugalEditMotion"; // see editing/motion_editor.js
const HEIGHT = 200;
const MARGIN = 4;

class MotionPlayer {
  key = "frugal_motion";

  constructor() {
    this.clip = 0;
    this.clips = [];
    const clock = (this.clock = new Clock(() => this.refresh()));
    this.drawing = new Drawing({ "aria-hidden": "true" }, (...given) => this.draw(...given));
    this.message = element("p", { role: "status" });
    this.playButton = iconButton("play", word("Play"), () => clock.play(!clock.playing));
    this.slider = element("input", { type: "range", min: 0, max: 0, value: 0, "aria-label": word("Frame") });
    this.slider.addEventListener("input", () => clock.seek(this.slider.valueAsNumber));
    this.time = element("output");
    this.chooser = choice(word("Clip"), [], "", (clip) => this.open(Number(clip)));
    this.chooser.hidden = true;
    this.beforeButton = toggle(word("Before"), word("Also show the motion as it came in, in grey"), true, () => this.drawing.redraw());
    this.loopButton = toggle(word("Loop"), word("Play again and again"), true, (loop) => clock.pace({ loop }));
    this.bar = element("div", { className: "frugal-bar" }, this.playButton, this.slider, this.time);
    this.options = element("div", { className: "frugal-bar" }, this.chooser, this.beforeButton, this.loopButton);
    this.element = element("div", { role: "group", "aria-label": word("Motion player"), tabIndex: 0 });
    this.element.append(element("div", { className: "frugal-screen" }, this.drawing.canvas, this.message), this.bar, this.options);
    this.beats = new BeatMarks(this.slider);
    onKeys(this.element, {
      " ": (event) => event.target.tagName !== "BUTTON" && clock.play(!clock.playing),
      ArrowLeft: () => clock.go(-1),
      ArrowRight: () => clock.go(1),
      Home: () => clock.seek(0),
      End: () => clock.seek(Infinity),
    });
    this.say(word("Run the graph to see the motion."));
  }

  /** Take what a run has sent. */
  show(output) {
    const clips = output.frugal_motion;
    if (!clips?.length || (this.motion && JSON.stringify(clips) === JSON.stringify(this.clips))) return;
    this.clips = clips;
    this.chooser.replaceChildren(...clips.map((_, index) => element("option", { value: index }, word("Clip {number}", { number: index + 1 }))));
    this.chooser.hidden = clips.length < 2;
    this.open(Math.min(this.clip, clips.length - 1));
  }

  async open(clip) {
    this.clip = this.chooser.selectedIndex = clip;
    const shown = this.clips[clip];
    try {
      if (!shown.motion) throw new Error(noRoom());
      const files = [shown.motion, shown.before].filter(Boolean);
      const [motion, before] = (await Promise.all(files.map(fetchFile))).map(readMotion);
      if (shown !== this.clips[this.clip]) return; // something else has been asked for meanwhile
      this.take(motion, before);
    } catch (error) {
      if (shown === this.clips[this.clip]) this.say(error.message);
    }
  }

  take(motion, before) {
    const nothing = nobodyIn(motion);
    this.say(nothing);
    if (nothing) return;
    Object.assign(this, { motion, before });
    this.beats.show(this.clips[this.clip].beats, motion);
    this.slider.max = motion.frames - 1;
    this.beforeButton.hidden = !before;
    this.loopButton.hidden = motion.frames < 2;
    this.clock.open(motion);
  }

  /** Show words in place of people. */
  say(text) {
    if (text) {
      this.motion = this.before = undefined;
      this.clock.close();
    }
    this.message.textContent = text;
    this.message.hidden = !text;
    this.bar.hidden = this.beforeButton.hidden = this.loopButton.hidden = !!text;
    this.drawing.redraw();
  }

  refresh() {
    const { playing, frame } = this.clock;
    relabel(this.playButton, playing ? "pause" : "play", playing ? word("Pause") : word("Play"));
    if (!this.motion) return;
    const { frameCount, rate, step } = this.motion;
    const number = frame * step;
    const seconds = number / rate;
    this.slider.value = frame;
    this.time.textContent = `${number} / ${frameCount - 1} · ${moment(seconds)}`;
    const values = { number, count: frameCount, seconds: decimals(seconds, 2) };
    this.slider.setAttribute("aria-valuetext", word("frame {number} of {count}, {seconds} seconds", values));
    this.drawing.redraw();
  }

  draw(context, width, height) {
    const { motion, before, clock } = this;
    const { frame } = clock;
    if (!motion?.frames) return;
    const box = fitted(motion, width, height, MARGIN);
    context.strokeStyle = "rgba(128, 128, 128, 0.5)";
    context.lineWidth = 1;
    context.strokeRect(box.x, box.y, box.width, box.height);
    const line = Math.max(1.5, Math.min(box.width, box.height) / 90);
    if (before?.frames && isPressed(this.beforeButton)) {
      drawMotion(context, before, counterpart(motion, frame, before), box, { colour: BEFORE, line, opacity: 0.6 });
    }
    drawMotion(context, motion, frame, box, { line });
  }

  /** A run has found the motion in ComfyUI's cache, and not told where it is. */
  notSent() {
    if (!this.clips.length) this.say(word("ComfyUI had this motion in its cache and did not send it again. Change an input to see it."));
  }

  end() {
    this.clock.play(false);
    this.drawing.observer.disconnect();
  }
}

app.registerExtension({
  name: "FrugalMotion.player",
  nodeCreated(node) {
    if (node.comfyClass === HAS_ITS_OWN) return;
    if (node.outputs?.some((output) => output.type === MOTION)) addPanel(node, "frugal_player", new MotionPlayer(), HEIGHT);
  },
});
