/**
 * On Interpolate Frames with a motion: by which way each shot was made, and why. A known keyframe as the model alone
 * tells it, and as another way does, with a divider between them; and the keyframe itself.
 */
import { app } from "../../../scripts/app.js";
import { drawWays, timeAtX } from "./draw_ways.js";
import { Drawing, addPanel, fileUrl, gone, onKeys, placeOn } from "./in_node.js";
import { element } from "./lib/dom.js";
import { moment, percents } from "./lib/format.js";
import { listed, named, word } from "./lib/words.js";
import { alike, colours, keyframesOf, nearest, opponents } from "./told_ways.js";
import { Wipe } from "./wipe.js";

const HEIGHT = 320;
const WIDTH = 320; // at which the words need one line each

class ComparedWays {
  key = "frugal_ways";

  constructor() {
    this.at = 0;
    this.sides = ["left", "right", "truth"].map(side);
    this.sides[2].name.textContent = word("Known keyframe");
    const pictures = this.sides.map((one) => one.picture);
    this.wipe = new Wipe(word("Divider between the two ways"), pictures, (at) => this.divided(at));
    this.screen = element("div", { className: "frugal-screen" }, this.wipe.element, this.sides.map((one) => one.name));
    this.message = element("p", { role: "status", hidden: true });
    this.back = step("back", word("Previous keyframe"), () => this.go(this.at - 1));
    this.forth = step("forth", word("Next keyframe"), () => this.go(this.at + 1));
    this.words = element("output");
    this.truthButton = element("button", { type: "button", "aria-pressed": "false", className: "frugal-toggle", title: word("Known keyframe") }, word("Keyframe"));
    this.truthButton.addEventListener("click", () => this.reveal(this.truthButton.getAttribute("aria-pressed") !== "true"));
    const bar = element("div", { className: "frugal-bar frugal-nowrap" }, this.back, this.forth, this.words, this.truthButton);
    const attributes = { role: "slider", tabIndex: 0, "aria-label": word("Keyframes that were compared"), "aria-valuemin": 1 };
    this.drawing = new Drawing(attributes, (...given) => this.draw(...given));
    const strip = element("div", { className: "frugal-ways" }, this.drawing.canvas);
    this.legend = element("div", { className: "frugal-legend" });
    this.element = element("div", { role: "group", "aria-label": word("Ways compared"), hidden: true });
    this.screen.append(this.message);
    this.element.append(this.screen, bar, strip, this.legend);
    this.drawing.canvas.addEventListener("pointerdown", (event) => event.button === 0 && this.go(this.under(event)));
    onKeys(this.drawing.canvas, {
      ArrowLeft: () => this.go(this.at - 1),
      ArrowRight: () => this.go(this.at + 1),
      Home: () => this.go(0),
      End: () => this.go(Infinity),
    });
    this.wipe.divide();
  }

  /** Take what a run has sent: of a list of clips, the last; nothing where nothing was compared. */
  show(output) {
    const given = output[this.key];
    if (!given || given === this.given) return;
    this.given = given;
    this.told = given.at(-1);
    this.element.hidden = !this.told;
    if (!this.told) return;
    this.keyframes = keyframesOf(this.told);
    this.colours = colours(this.told.ways);
    this.chosen = undefined;
    this.go(Math.min(this.at, this.keyframes.length - 1));
  }

  /** Show the keyframe at a place. */
  go(place) {
    if (!this.told) return false;
    this.at = Math.max(0, Math.min(place, this.keyframes.length - 1));
    const ways = opponents(this.keyframe, this.told.ways);
    this.way = ways.includes(this.chosen) ? this.chosen : ways[0];
    this.refresh();
    this.load();
    return true;
  }

  /** Put a way on the right. */
  choose(way) {
    this.chosen = way;
    this.go(this.at);
    this.legend.querySelector('[aria-pressed="true"]')?.focus();
  }

  get keyframe() {
    return this.keyframes[this.at];
  }

  /** Put up the pictures of the keyframe, all at once. */
  async load() {
    const { keyframe, way } = this;
    const [baseline] = this.told.ways;
    const files = [keyframe.told[baseline], keyframe.told[way], keyframe.truth];
    const isCurrent = () => keyframe === this.keyframe && way === this.way;
    try {
      const pictures = await Promise.all(files.map(picture));
      if (!isCurrent()) return;
      const alts = [baseline, way, word("Known keyframe")];
      this.sides.forEach(({ picture }, place) => Object.assign(picture, { src: pictures[place].src, alt: alts[place] }));
      this.say("");
    } catch {
      if (isCurrent()) this.say(gone());
    }
  }

  /** Show words in place of pictures. */
  say(text) {
    this.message.textContent = text;
    this.message.hidden = !text;
    this.wipe.element.hidden = !!text;
    for (const { name } of this.sides) name.hidden = !!text;
  }

  refresh() {
    const { keyframe, keyframes, at, told } = this;
    const [baseline] = told.ways;
    this.wipe.aspect = keyframe.width / keyframe.height;
    [baseline, this.way].forEach((way, place) => this.name(this.sides[place], way));
    const time = moment(keyframe.time);
    this.words.textContent = this.words.title = `${word("Frame")} ${keyframe.frame} · ${time}`;
    this.back.disabled = at === 0;
    this.forth.disabled = at === keyframes.length - 1;
    const { canvas } = this.drawing;
    canvas.setAttribute("aria-valuemax", keyframes.length);
    canvas.setAttribute("aria-valuenow", at + 1);
    canvas.setAttribute("aria-valuetext", named(listed(`${at + 1} / ${keyframes.length}`, time), keyframe.shot.way));
    const shot = `${word("Shot")} ${told.shots.indexOf(keyframe.shot) + 1}/${told.shots.length}`;
    this.legend.replaceChildren(element("span", {}, shot), ...told.ways.map((way) => this.entry(way)));
    this.wipe.divide();
    this.drawing.redraw();
  }

  /** Whose picture a side shows, and how alike it is. */
  name(side, way) {
    const { keyframe, colours } = this;
    side.name.textContent = [way, alike(keyframe.likeness[way])].filter(Boolean).join(" ");
    side.name.style.setProperty("--colour", colours.get(way));
  }

  /** A way, and how alike it was in this shot; where there are several to compare with, a button to choose it. */
  entry(way) {
    const { shot } = this.keyframe;
    const [baseline] = this.told.ways;
    const taken = shot.way === way;
    const swatch = element("i", { "aria-hidden": "true" });
    swatch.style.background = this.colours.get(way);
    const likeness = alike(shot.likeness[way]);
    const title = taken ? word("Taken for this shot") : word("Not taken for this shot");
    const look = { className: "frugal-way", title, "data-taken": String(taken), "aria-label": named(`${way} ${likeness}`, title) };
    const words = [swatch, element("span", {}, way), element("span", {}, likeness)];
    if (this.told.ways.length < 3 || way === baseline) return element("span", { ...look, role: "note" }, words);
    const button = element("button", { ...look, type: "button", "aria-pressed": String(way === this.way) }, words);
    button.addEventListener("click", () => this.choose(way));
    return button;
  }

  divided(at) {
    const [baseline = ""] = this.told?.ways ?? [];
    return listed(`${baseline} ${percents(at)}`, `${this.way ?? ""} ${percents(100 - at)}`);
  }

  /** Whether the keyframe itself lies over both. */
  reveal(on) {
    this.truthButton.setAttribute("aria-pressed", String(on));
    this.screen.classList.toggle("frugal-revealed", on);
    this.wipe.slider.disabled = on;
  }

  under(event) {
    if (!this.told) return 0;
    const { canvas } = this.drawing;
    const [x] = placeOn(canvas, event);
    return nearest(this.keyframes, timeAtX(x, this.told.seconds, canvas.clientWidth));
  }

  draw(context, width, height) {
    if (!this.told) return;
    const { told, colours, keyframes, at } = this;
    drawWays(context, width, height, { ...told, colours, keyframes, at }, getComputedStyle(this.drawing.canvas).color);
  }

  notSent() {}

  end() {
    this.drawing.observer.disconnect();
  }
}

/** A picture, and a name in a corner. */
function side(which) {
  const picture = element("img", { alt: "", draggable: false, className: `frugal-${which}` });
  return { picture, name: element("span", { className: `frugal-name frugal-${which}` }) };
}

function step(icon, label, act) {
  const made = element("button", { type: "button", "aria-label": label, title: label, "data-icon": icon });
  made.addEventListener("click", act);
  return made;
}

/** A picture that is ready to be shown. */
async function picture(file) {
  if (!file) throw new Error("not kept");
  const made = element("img", { src: fileUrl(file) });
  await made.decode();
  return made;
}

app.registerExtension({
  name: "FrugalMotion.ways",
  nodeCreated(node) {
    if (node.comfyClass === "FrugalInterpolate") addPanel(node, "frugal_ways", new ComparedWays(), HEIGHT, WIDTH);
  },
});
