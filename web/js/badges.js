/** A badge on Hash Cache and on the cost nodes: what has come of their last run. */
import { app } from "../../../scripts/app.js";
import { BADGES } from "./badge_words.js";
import { addPanel } from "./in_node.js";
import { element } from "./lib/dom.js";
import { word } from "./lib/words.js";

const HEIGHT = 20;

class Badge {
  constructor([key, told]) {
    this.key = key;
    this.told = told;
    this.state = element("span", { className: "frugal-badge" });
    this.words = element("output");
    this.element = element("div", { role: "group", "aria-label": word("Badge"), hidden: true }, this.state, this.words);
    this.element.classList.add("frugal-badges");
  }

  /** Take what a run has sent; nodes in lists send several, of which the last counts. */
  show(output) {
    const latest = output[this.key]?.at(-1);
    if (!latest) return;
    const { state, name, words } = this.told(latest);
    this.state.dataset.state = state;
    this.state.textContent = name;
    this.words.textContent = this.words.title = words;
    this.element.hidden = false;
  }

  notSent() {}

  end() {}
}

app.registerExtension({
  name: "FrugalMotion.badges",
  nodeCreated(node) {
    const badge = BADGES[node.comfyClass];
    if (badge) addPanel(node, "frugal_badge", new Badge(badge), HEIGHT);
  },
});
