/** All edits in a list: seen, chosen, set in numbers, switched off and removed. */
import { element, keyed } from "../lib/dom.js";
import { word } from "../lib/words.js";
import { changed, valueOf, without } from "./edit_value.js";
import { editWords } from "./edit_words.js";

const SHOWN = 200; // rows; more are found on the timeline
const NUMBERS = {
  move: ["before", "after"],
  pose: ["before", "after"],
  mirror: ["fade"],
  delete: ["fade"],
  hold: ["frames"],
  speed: ["factor"],
};

export class EditList {
  /** @param {object} editor has `edits`, `view`, `canChange`, `change(edits)`, `choose(index)` */
  constructor(editor) {
    this.editor = editor;
    this.none = element("p", {}, word("No edits yet. Drag a joint."));
    this.rows = element("ul");
    this.more = element("p");
    this.root = element("div", { className: "frugal-edits", role: "region", "aria-label": word("Edits") }, this.none, this.rows, this.more);
    this.root.addEventListener("wheel", (event) => {
      if (this.root.scrollHeight > this.root.clientHeight) event.stopPropagation(); // else it is the graph's
    });
    this.update = keyed(this.rows, (edit) => this.row(edit));
  }

  show(notes) {
    if (this.root.hidden) return;
    const { edits } = this.editor;
    const whys = new Map(notes.map(({ edit, why }) => [edit, why]));
    this.none.hidden = edits.length > 0;
    this.more.hidden = edits.length <= SHOWN;
    this.more.textContent = word("and {count} more", { count: edits.length - SHOWN });
    const shown = edits.map((edit, index) => ({ edit, index, why: whys.get(index) }));
    this.update(shown.slice(0, SHOWN).map((one) => [`${one.index} ${one.edit.do}`, one]));
  }

  row({ edit: { do: kind } }) {
    let index = 0;
    const eye = element("button", { type: "button", "data-icon": "eye" });
    const name = element("button", { type: "button", className: "frugal-name-of" });
    const numbers = (NUMBERS[kind] ?? []).map((field) => this.number(field, () => index));
    const remove = element("button", { type: "button", "data-icon": "remove", title: word("Remove"), "aria-label": word("Remove") });
    eye.addEventListener("click", () => this.change(index, { off: !this.editor.edits[index].off }));
    name.addEventListener("click", () => this.editor.choose(index));
    remove.addEventListener("click", () => this.editor.canChange && this.editor.change(without(this.editor.edits, index)));
    const root = element("li", {}, eye, name, numbers.map(({ root }) => root), remove);
    const update = ({ edit, index: now, why }) => {
      index = now;
      name.textContent = name.title = editWords(edit, why);
      root.dataset.off = !!edit.off;
      root.dataset.skipped = !!why;
      eye.setAttribute("aria-pressed", !edit.off);
      eye.title = edit.off ? word("Switch on") : word("Switch off");
      eye.setAttribute("aria-label", eye.title);
      name.setAttribute("aria-pressed", this.editor.view.selected === index);
      for (const { set } of numbers) set(edit);
      for (const part of root.querySelectorAll("input, [data-icon]")) part.disabled = !this.editor.canChange;
    };
    return { root, update };
  }

  number(field, index) {
    const label = {
      before: word("Frames to fade in"), after: word("Frames to fade out"), fade: word("Frames of fade"),
      frames: word("Frames"), factor: word("Times as fast"),
    }[field];
    const bounds = field === "factor" ? { min: 0.1, max: 10, step: 0.05 } : { min: field === "fade" ? 0 : 1, step: 1 };
    const root = element("input", { type: "number", ...bounds, title: label, "aria-label": label });
    root.addEventListener("change", () => {
      const value = field === "factor" ? root.valueAsNumber : Math.round(root.valueAsNumber);
      const fits = value >= bounds.min && value <= (bounds.max ?? 1e6);
      if (fits) this.change(index(), { [field]: value });
      else this.show([]);
    });
    return { root, set: (edit) => document.activeElement !== root && (root.value = valueOf(edit, field)) };
  }

  change(index, fields) {
    if (this.editor.canChange) this.editor.change(changed(this.editor.edits, index, fields));
  }
}
