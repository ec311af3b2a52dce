/** A part of the side panel: a heading, what it shows, and buttons that say when they fail. */
import { app } from "../../../../scripts/app.js";
import { element } from "../lib/dom.js";
import { percents } from "../lib/format.js";
import { named } from "../lib/words.js";

/** Tell the user, in the corner of the editor. */
export function tell(severity, detail) {
  app.extensionManager.toast.add({ severity, summary: "Frugal Motion", detail, life: severity === "error" ? 8000 : 4000 });
}

/** A button that does one thing at a time. It is never `disabled`, which would take the focus from it. */
export function button(text, work, title = "") {
  const made = element("button", { type: "button", textContent: text, title, ariaDisabled: "false" });
  made.addEventListener("click", async () => {
    if (made.ariaDisabled === "true") return;
    made.ariaDisabled = "true";
    try {
      await work();
    } catch (error) {
      tell("error", error.message);
    } finally {
      made.ariaDisabled = "false";
    }
  });
  return made;
}

/** A section with a heading; what is between that and what `stays` is replaced by `show(...children)`. */
export function section(title, ...stays) {
  const body = element("div", { className: "frugal-body" });
  const root = element("section", { "aria-label": title }, element("h3", { textContent: title }), body, ...stays);
  return { root, show: (...children) => body.replaceChildren(...children.flat().filter((child) => child != null)) };
}

/** A bar that fills, with words for those who do not see it. */
export function bar(share, label) {
  const percent = Math.round(100 * Math.min(Math.max(share, 0), 1));
  const fill = element("span", { className: "frugal-fill" });
  fill.style.width = `${percent}%`;
  return element(
    "div",
    { className: "frugal-bar", role: "img", "aria-label": named(label, percents(percent)), title: label },
    fill,
  );
}

/** Two columns of words. */
export function facts(rows) {
  const cells = rows.flatMap(([name, value]) => [
    element("dt", { textContent: name }),
    element("dd", {}, value instanceof Node ? value : String(value)),
  ]);
  return element("dl", {}, cells);
}
