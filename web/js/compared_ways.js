/**
 * On Interpolate Frames with a motion: by which way each shot was made, and why. A known keyframe as the model alone
 * tells it, and as another way does, with a divider between them; and the keyframe itself.
 */
import { app } from "../../../scripts/app.js";
import { drawWays, timeAtX } from "./draw_ways.js";
import { Drawing, addPanel, fileUrl, onKeys } from "./in_node.js";
import { element } from "./lib/dom.js";
import { word } from "./lib/words.js";
import { alike, colours, keyframesOf, nearest, opponents } from "./told_ways.js";

const HEIGHT = 270;
const GONE = "The preview is gone from ComfyUI's temp folder. Run the graph again.";

class ComparedWays {
  key = "frugal_ways";

  constructor() {
    this.at = 0;
    this.left = side("left");
    this.right = side("right");
    this.truth = side("truth");
    this.truth.name.textContent = word("Known keyframe");
    this.divider = element("div", { className: "frugal-divider", "aria-hidden": "true" });
    const slider = { type: "range", min: 0, max: 100, step: 0.5, value: 50, "aria-label": word("Divider between the two ways") };
    this.slider = element("input", slider);
    this.slider.addEventListener("input", () => this.divide());
    this.wipe = element("div", { className: "frugal-wipe" });
    this.wipe.append(this.left.root, this.right.root, this.truth.root, this.slider, this.divider);
    this.message = element("p", { role: "status", hidden: true });
    this.back = step("back", word("Previous keyframe"), () => this.go(this.at - 1));
    this.forth = step("forth", word("Next keyframe"), () => this.go(this.at + 1));
    this.words = element("output");
    this.chooser = element("select", { "aria-label": word("Way on the right"), title: word("Way on the right") });
    this.chooser.addEventListener("change", () => this.choose(this.chooser.value));
    this.truthButton = element("button", { type: "button", "aria-pressed": "false", className: "frugal-toggle" }, word("Known keyframe"));
    this.truthButton.addEventListener("click", () => this.reveal(this.truthButton.getAttribute("aria-pressed") !== "true"));
    const bar = element("div", { className: "frugal-bar frugal-nowrap" }, this.back, this.forth, this.words, this.chooser, this.truthButton);
    const attributes = { role: "slider", tabIndex: 0, "aria-label": word("Keyframes that were compared"), "aria-valuemin": 1 };
    this.drawing = new Drawing(attributes, (...given) => this.draw(...given));
    const strip = element("div", { className: "frugal-ways" }, this.drawing.canvas);
    this.legend = element("div", { className: "frugal-legend" });
    this.element = element("div", { role: "group", "aria-label": word("Ways compared"), hidden: true });
    this.element.append(element("div", { className: "frugal-screen" }, this.wipe, this.message), bar, strip, this.legend);
    this.drawing.canvas.addEventListener("pointerdown", (event) => event.button === 0 && this.go(this.under(event)));
    onKeys(this.drawing.canvas, {
      ArrowLeft: () => this.go(this.at - 1),
      ArrowRight: () => this.go(this.at + 1),
      Home: () => this.go(0),
      End: () => this.go(Infinity),
    });
    this.divide();
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
    this.chooser.replaceChildren(...ways.map((way) => element("option", { value: way, selected: way === this.way }, way)));
    this.chooser.hidden = ways.length < 2;
    this.refresh();
    this.load();
    return true;
  }

  choose(way) {
    this.chosen = way;
    this.go(this.at);
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
      [this.left, this.right, this.truth].forEach((one, place) => one.picture.replaceWith((one.picture = pictures[place])));
      this.left.picture.alt = baseline;
      this.right.picture.alt = way;
      this.truth.picture.alt = word("Known keyframe");
      this.say("");
    } catch {
      if (isCurrent()) this.say(GONE);
    }
  }

  /** Show words in place of pictures. */
  say(text) {
    this.message.textContent = text;
    this.message.hidden = !text;
    this.wipe.hidden = !!text;
  }

  refresh() {
    const { keyframe, keyframes, at, told } = this;
    const [baseline] = told.ways;
    this.wipe.style.setProperty("--aspect", keyframe.width / keyframe.height);
    this.name(this.left, baseline);
    this.name(this.right, this.way);
    const time = `${keyframe.time.toFixed(2)} s`;
    this.words.textContent = this.words.title = `${keyframe.frame} · ${time}`;
    this.back.disabled = at === 0;
    this.forth.disabled = at === keyframes.length - 1;
    const { canvas } = this.drawing;
    canvas.setAttribute("aria-valuemax", keyframes.length);
    canvas.setAttribute("aria-valuenow", at + 1);
    canvas.setAttribute("aria-valuetext", `${at + 1} / ${keyframes.length}, ${time}: ${keyframe.shot.way}`);
    this.legend.replaceChildren(...told.ways.map((way) => this.entry(way)));
    this.divide();
    this.drawing.redraw();
  }

  /** Whose picture a side shows, and how alike it is. */
  name(side, way) {
    const { keyframe, colours } = this;
    side.name.textContent = [way, alike(keyframe.likeness[way])].filter(Boolean).join(" ");
    side.name.style.setProperty("--colour", colours.get(way));
  }

  /** A way, and how alike it was in this shot. */
  entry(way) {
    const { shot } = this.keyframe;
    const taken = shot.way === way;
    const title = taken ? word("Taken for this shot") : word("Not taken for this shot");
    const swatch = element("i", { "aria-hidden": "true" });
    swatch.style.background = this.colours.get(way);
    const words = [swatch, element("span", {}, way), element("b", {}, alike(shot.likeness[way]))];
    return element("span", { className: "frugal-way", "data-taken": String(taken), title, "aria-label": `${way} ${alike(shot.likeness[way])}. ${title}`, role: "note" }, words);
  }

  divide() {
    const at = this.slider.valueAsNumber;
    this.wipe.style.setProperty("--at", `${at}%`);
    const [baseline = ""] = this.told?.ways ?? [];
    this.slider.setAttribute("aria-valuetext", `${baseline} ${Math.round(at)} %, ${this.way ?? ""} ${Math.round(100 - at)} %`);
  }

  /** Whether the keyframe itself lies over both. */
  reveal(on) {
    this.truthButton.setAttribute("aria-pressed", String(on));
    this.wipe.classList.toggle("frugal-revealed", on);
    this.slider.disabled = on;
  }

  under(event) {
    if (!this.told) return 0;
    const { canvas } = this.drawing;
    const box = canvas.getBoundingClientRect(); // as the graph's zoom shows it
    const x = ((event.clientX - box.left) / box.width) * canvas.clientWidth;
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

/** A picture, and a name in its corner. */
function side(which) {
  const [picture, name] = [element("img", { alt: "", draggable: false }), element("span", { className: "frugal-name" })];
  return { root: element("div", { className: `frugal-side frugal-${which}` }, picture, name), picture, name };
}

function step(icon, label, act) {
  const made = element("button", { type: "button", "aria-label": label, title: label, "data-icon": icon });
  made.addEventListener("click", act);
  return made;
}

/** A picture that is ready to be shown. */
async function picture(file) {
  if (!file) throw new Error(GONE);
  const made = element("img", { src: fileUrl(file), draggable: false });
  await made.decode();
  return made;
}

app.registerExtension({
  name: "FrugalMotion.ways",
  nodeCreated(node) {
    if (node.comfyClass === "FrugalInterpolate") addPanel(node, "frugal_ways", new ComparedWays(), HEIGHT);
  },
});
