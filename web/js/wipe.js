/** Two pictures of one size, and a divider between them that is dragged, or moved by keys. */
import { element } from "./lib/dom.js";

export class Wipe {
  /**
   * @param {string} label of the divider
   * @param {HTMLElement[]} pictures of classes frugal-left and frugal-right
   * @param {(at: number) => string} said what the divider's place, 0 to 100, means
   */
  constructor(label, pictures, said) {
    this.said = said;
    this.divider = element("div", { className: "frugal-divider", "aria-hidden": "true" });
    this.slider = element("input", { type: "range", min: 0, max: 100, step: 0.5, value: 50, "aria-label": label });
    this.slider.addEventListener("input", () => this.divide());
    this.element = element("div", { className: "frugal-wipe" }, pictures, this.slider, this.divider);
  }

  set aspect(aspect) {
    this.element.style.setProperty("--aspect", aspect);
  }

  divide() {
    const at = this.slider.valueAsNumber;
    this.element.style.setProperty("--at", `${at}%`);
    this.slider.setAttribute("aria-valuetext", this.said(at));
  }
}
