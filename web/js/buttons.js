/** Buttons in the bars of panels. */
import { element } from "./lib/dom.js";

/** A button that is an icon of css/in_node.css. */
export function iconButton(icon, label, act) {
  const made = element("button", { type: "button", "aria-label": label, title: label, "data-icon": icon });
  made.addEventListener("click", act);
  return made;
}

/** A button with a text, which may be empty until `describe` gives it one. */
export function textButton(text, act) {
  const made = element("button", { type: "button" }, text);
  made.addEventListener("click", act);
  return made;
}

/** Say what such a button does. */
export function describe(button, title, text = button.textContent) {
  button.title = title;
  button.textContent = text;
  button.setAttribute("aria-label", title);
}

/** Call one with an icon something else. */
export function relabel(button, icon, label) {
  button.dataset.icon = icon;
  button.title = label;
  button.setAttribute("aria-label", label);
}

/** A button that is on or off; `changed(on)` is called when it is pressed. */
export function toggle(label, title, on, changed) {
  const made = element("button", { type: "button", "aria-pressed": String(on), title, className: "frugal-toggle" }, label);
  made.addEventListener("click", () => {
    press(made, !isPressed(made));
    changed(isPressed(made));
  });
  return made;
}

export const isPressed = (button) => button.getAttribute("aria-pressed") === "true";
export const press = (button, on) => button.setAttribute("aria-pressed", String(on));

/** A choice of several, pairs of a value and a text; `changed(value)` is called when another is taken. */
export function choice(label, options, chosen, changed) {
  const made = element("select", { "aria-label": label, title: label }, options.map(([value, text]) => element("option", { value }, text)));
  made.value = chosen;
  made.addEventListener("change", () => changed(made.value));
  return made;
}
