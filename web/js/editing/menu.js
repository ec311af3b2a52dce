/** A button with a menu of commands. */
import { element } from "../lib/dom.js";

const KEYS = { Delete: "Del", Backspace: "⌫", " ": "␣" };

export class Menu {
  /** @param {string} label of the button; @param {object[][]} groups of commands; @param {object} editor that they act on */
  constructor(label, groups, editor) {
    this.editor = editor;
    this.items = new Map();
    this.list = element("div", { role: "menu", popover: "auto", className: "frugal-menu", "aria-label": label });
    for (const group of groups) {
      if (this.list.children.length) this.list.append(element("hr"));
      this.list.append(...group.map((command) => this.item(command)));
    }
    this.button = element("button", { type: "button", className: "frugal-opens", "aria-label": label, "aria-haspopup": "menu" }, label);
    this.button.setAttribute("aria-expanded", "false");
    this.button.addEventListener("click", () => this.open());
    this.list.addEventListener("toggle", ({ newState }) => this.button.setAttribute("aria-expanded", newState === "open"));
    this.list.addEventListener("keydown", (event) => this.key(event));
    this.root = element("span", {}, this.button, this.list);
  }

  item(command) {
    const keys = command.keys.map((key) => element("kbd", {}, KEYS[key] ?? key.toUpperCase()));
    const item = element("button", { type: "button", role: "menuitem", tabIndex: -1 }, element("span", {}, command.label), keys);
    item.addEventListener("click", () => {
      this.close();
      command.run(this.editor);
    });
    this.items.set(item, command);
    return item;
  }

  /** Above the button, or below it where there is more room. */
  open() {
    if (this.list.matches(":popover-open")) return this.close();
    for (const [item, command] of this.items) item.disabled = !this.editor.canChange || !command.can(this.editor);
    this.list.showPopover();
    const button = this.button.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = this.list;
    const top = button.top > height + 8 ? button.top - height - 4 : button.bottom + 4;
    this.list.style.left = `${Math.max(4, Math.min(button.left, innerWidth - width - 4))}px`;
    this.list.style.top = `${Math.max(4, Math.min(top, innerHeight - height - 4))}px`;
    this.focus(0);
  }

  close() {
    this.list.hidePopover();
    this.button.focus();
  }

  key(event) {
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key === "Escape") this.close();
    else if (event.key in steps) this.focus(steps[event.key]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  focus(step) {
    const items = [...this.items.keys()].filter((item) => !item.disabled);
    if (!items.length) return;
    const at = items.indexOf(document.activeElement);
    items[at < 0 ? 0 : (at + step + items.length) % items.length].focus();
  }
}
