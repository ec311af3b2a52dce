/**
 * On Compare: two videos or motions in step. Videos lie above each other in one film, so they cannot get out of step;
 * each side is drawn from it onto a canvas of its own, and skeletons over it.
 */
import { app } from "../../../scripts/app.js";
import { choice, iconButton, isPressed, press, relabel, toggle } from "./buttons.js";
import { Clock, FilmClock } from "./clock.js";
import { drawMotion, fitted } from "./draw_motion.js";
import { Drawing, addPanel, fetchFile, fileUrl, noRoom, onKeys } from "./in_node.js";
import { NAMES, done, frameOf, secondsAt, topOf } from "./in_step.js";
import { readMotion } from "./motion_file.js";
import { element } from "./lib/dom.js";
import { moment, percents } from "./lib/format.js";
import { listed, word } from "./lib/words.js";
import { Wipe } from "./wipe.js";

const HEIGHT = 330;
const WIDTH = 340; // at which each bar needs one line
const LINE = 110; // of the shorter side of a picture, of which a bone is one part
const SPEEDS = [0.1, 0.25, 0.5, 1, 2];

class Compare {
  key = "frugal_compare";

  constructor() {
    this.clip = 0;
    this.clips = [];
    this.view = "wipe";
    this.film = element("video", { muted: true, playsInline: true, preload: "auto" });
    this.clocks = [new Clock(() => this.refresh()), new FilmClock(this.film, () => this.refresh())];
    [this.clock] = this.clocks;
    this.sides = ["left", "right"].map((place, at) => this.side(place, at));
    const pictures = this.sides.map(({ drawing }) => drawing.canvas);
    this.wipe = new Wipe(word("Divider between A and B"), pictures, (at) => listed(`A ${percents(at)}`, `B ${percents(100 - at)}`));
    this.wipe.divide();
    this.message = element("p", { role: "status" });
    this.screen = element("div", { className: "frugal-screen" }, this.wipe.element, this.sides.map(({ name }) => name), this.message);
    this.bars = [this.playing(), this.looking()];
    this.chooser = choice(word("Clip"), [], "", (clip) => this.open(Number(clip)));
    this.bars[1].prepend(this.chooser);
    this.notes = element("p", { className: "frugal-notes" });
    this.element = element("div", { role: "group", "aria-label": word("Compare"), tabIndex: 0 });
    this.element.append(this.screen, ...this.bars, this.notes);
    this.heldWhilePressed();
    this.obeyKeys();
    this.say(word("Run the graph to compare."));
  }

  side(place, at) {
    const look = { className: `frugal-${place}`, "aria-hidden": "true" };
    const drawing = new Drawing(look, (...given) => this.draw(at, ...given));
    return { drawing, name: element("span", { className: `frugal-name frugal-${place}` }) };
  }

  playing() {
    this.playButton = iconButton("play", word("Play"), () => this.play(!this.clock.playing));
    const back = iconButton("back", word("Previous frame"), () => this.step(-1));
    const forth = iconButton("forth", word("Next frame"), () => this.step(1));
    this.slider = element("input", { type: "range", min: 0, max: 0, value: 0, "aria-label": word("Frame") });
    this.slider.addEventListener("input", () => this.clock.seek(this.slider.valueAsNumber));
    this.time = element("output");
    return element("div", { className: "frugal-bar" }, this.playButton, back, forth, this.slider, this.time);
  }

  looking() {
    const views = [
      ["wipe", word("Wipe")],
      ["flip", word("Flip")],
      ["side", word("Side by side")],
      ["difference", word("Difference")],
    ];
    this.chosenView = choice(word("View"), views, this.view, (view) => this.look(view));
    this.flipButton = toggle("B", word("Show B in place of A: press X, or hold the picture"), false, () => this.arrange());
    const speeds = SPEEDS.map((speed) => [speed, `${speed} ×`]);
    const speed = choice(word("Speed"), speeds, 1, (value) => this.pace({ speed: Number(value) }));
    this.loopButton = toggle(word("Loop"), word("Play again and again"), true, (loop) => this.pace({ loop }));
    return element("div", { className: "frugal-bar" }, this.chosenView, this.flipButton, speed, this.loopButton);
  }

  /** In a flip, the other side is seen as long as the picture is pressed. */
  heldWhilePressed() {
    const hold = (on) => {
      if (on !== this.isHeld && this.shownView === "flip" && this.isPair) {
        this.isHeld = on;
        this.arrange();
      }
    };
    const { element } = this.wipe;
    element.addEventListener("pointerdown", (event) => event.button === 0 && hold(true));
    for (const name of ["pointerup", "pointercancel", "pointerleave"]) element.addEventListener(name, () => hold(false));
  }

  obeyKeys() {
    const unless = (act) => (event) => event.target !== this.wipe.slider && event.target.tagName !== "SELECT" && act(event);
    onKeys(this.element, {
      " ": unless((event) => event.target.tagName !== "BUTTON" && this.play(!this.clock.playing)),
      ArrowLeft: unless(() => this.step(-1)),
      ArrowRight: unless(() => this.step(1)),
      Home: unless(() => this.clock.seek(0)),
      End: unless(() => this.clock.seek(Infinity)),
      x: () => this.flip(),
    });
  }

  /** Take what a run has sent. */
  show(output) {
    const clips = output[this.key];
    if (!clips?.length || (this.told && JSON.stringify(clips) === JSON.stringify(this.clips))) return;
    this.clips = clips;
    this.chooser.replaceChildren(...clips.map((_, at) => element("option", { value: at }, word("Clip {number}", { number: at + 1 }))));
    this.open(Math.min(this.clip, clips.length - 1));
  }

  async open(clip) {
    this.clip = this.chooser.selectedIndex = clip;
    const told = this.clips[clip];
    try {
      if (!told.sides.some(Boolean)) throw new Error(word("Wire two videos or two motions."));
      if (told.sides.some((side) => side && !(side.video ? told.film : side.motion))) throw new Error(noRoom());
      const files = told.sides.map((side) => side?.motion);
      this.clock.play(false);
      const [, ...motions] = await Promise.all([this.load(told.film), ...files.map((file) => file && fetchFile(file))]);
      if (told === this.clips[this.clip]) this.take(told, motions); // nothing else has been asked for meanwhile
    } catch (error) {
      if (told === this.clips[this.clip]) this.say(error.message);
    }
  }

  /** Have the film ready to be drawn. */
  async load(file) {
    if (!file) return;
    const { film } = this;
    const isReady = new Promise((ready) => Object.assign(film, { onloadeddata: () => ready(true), onerror: () => ready(false) }));
    film.src = fileUrl(file);
    if (await isReady) return;
    await fetchFile(file); // says so if it is gone
    throw new Error(word("This browser does not play the preview."));
  }

  take(told, motions) {
    const { frame } = this.clock;
    this.clock = this.clocks[told.film ? 1 : 0];
    this.clock.frame = frame;
    this.told = told;
    this.motions = motions.map((motion) => motion && readMotion(motion));
    this.slider.max = told.frames - 1;
    this.say("");
    this.loopButton.hidden = told.frames < 2;
    this.notes.textContent = done(told).join(" ");
    this.notes.hidden = !this.notes.textContent;
    this.arrange();
    this.pace({ loop: isPressed(this.loopButton) });
    this.clock.open({ frames: told.frames, rate: told.rate[0] / told.rate[1] });
  }

  /** Show words in place of pictures. */
  say(text) {
    if (text) {
      this.told = undefined;
      for (const clock of this.clocks) clock.close();
    }
    this.message.textContent = text;
    this.message.hidden = !text;
    this.wipe.element.hidden = this.notes.hidden = !!text;
    this.bars[0].hidden = !!text;
    this.chooser.hidden = this.clips.length < 2;
    this.bars[1].hidden = !!text && this.chooser.hidden;
    for (const { name } of this.sides) name.hidden = !!text;
  }

  get isPair() {
    return !!this.told?.sides.every(Boolean);
  }

  /** One side alone needs no divider. */
  get shownView() {
    return this.isPair ? this.view : "flip";
  }

  /** In a flip, the side that is seen: 0 or 1. */
  get onTop() {
    if (!this.isPair) return this.told?.sides[0] ? 0 : 1;
    return Number(isPressed(this.flipButton) !== !!this.isHeld);
  }

  look(view) {
    this.view = this.chosenView.value = view;
    this.isHeld = false;
    this.arrange();
  }

  /** Show the other side; from another view, begin to. */
  flip() {
    if (!this.isPair) return false;
    if (this.view === "flip") press(this.flipButton, !isPressed(this.flipButton));
    this.look("flip");
    return true;
  }

  /** Put the sides where the view has them. */
  arrange() {
    const { told, shownView, onTop } = this;
    if (!told) return;
    const shape = told.width / told.height;
    this.wipe.aspect = shownView === "side" ? 2 * shape : shape;
    Object.assign(this.wipe.element.dataset, { view: shownView, top: NAMES[onTop] });
    this.wipe.slider.hidden = this.wipe.divider.hidden = shownView !== "wipe";
    this.chosenView.hidden = !this.isPair;
    this.flipButton.hidden = !this.isPair || shownView !== "flip";
    this.sides.forEach(({ name }, at) => {
      name.hidden = shownView === "flip" && at !== onTop;
    });
    this.redraw();
  }

  redraw() {
    for (const { drawing } of this.sides) drawing.redraw();
  }

  play(on) {
    return this.clock.play(on);
  }

  step(by) {
    if (this.clock.playing) this.clock.play(false);
    return this.clock.go(by);
  }

  pace(how) {
    for (const clock of this.clocks) clock.pace(how);
  }

  /** Tell and draw the moment that the clock shows, both sides at once. */
  refresh() {
    const { told, clock } = this;
    const { playing, frame } = clock;
    relabel(this.playButton, playing ? "pause" : "play", playing ? word("Pause") : word("Play"));
    if (!told) return;
    const time = moment(secondsAt(frame, told));
    const numbers = told.sides.map((side, at) => side && `${NAMES[at]} ${frameOf(side, frame, told)}`);
    this.sides.forEach(({ name }, at) => {
      name.textContent = numbers[at] ?? "";
    });
    this.slider.value = frame;
    this.time.textContent = `${frame} / ${told.frames - 1} · ${time}`;
    this.slider.setAttribute("aria-valuetext", listed(...numbers, time));
    for (const { drawing } of this.sides) drawing.now();
  }

  draw(at, context, width, height) {
    const { told, motions, film, clock } = this;
    const side = told?.sides[at];
    if (!side) return;
    context.fillStyle = "#000";
    context.fillRect(0, 0, width, height);
    const top = topOf(at, told);
    if (top !== undefined) context.drawImage(film, 0, top, told.width, told.height, 0, 0, width, height);
    if (!motions[at]) return;
    const box = fitted(side, width, height);
    drawMotion(context, motions[at], clock.frame, box, { line: Math.max(1.5, Math.min(box.width, box.height) / LINE) });
  }

  /** A run has found everything in ComfyUI's cache. */
  notSent() {
    if (!this.clips.length) this.say(word("ComfyUI had this in its cache and did not send it again. Change an input to see it."));
  }

  end() {
    for (const { drawing } of this.sides) drawing.observer.disconnect();
    this.clips = [];
    this.say(word("Run the graph to compare."));
    this.film.removeAttribute("src");
  }
}

app.registerExtension({
  name: "FrugalMotion.compare",
  nodeCreated(node) {
    if (node.comfyClass !== "FrugalCompare") return;
    addPanel(node, "frugal_compare", new Compare(), HEIGHT);
    const [width, height] = node.computeSize();
    node.setSize([Math.max(width, WIDTH), height]);
  },
});
