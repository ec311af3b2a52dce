/** The node's input `edits`, which keeps all there is to undo; the panel stands in its place. */
import { addStep, chain } from "../in_node.js";
import { word } from "../lib/words.js";
import { formatEdits, parseEdits } from "./edit_value.js";

const NONE = [];

export class EditsWidget {
  /** @param {() => void} changed called when somebody has given the input another value */
  constructor(node, changed) {
    this.node = node;
    this.widget = node.widgets?.find((widget) => widget.name === "edits");
    if (!this.widget) return;
    hide(this.widget);
    chain(this.widget, "callback", changed);
  }

  get text() {
    return String(this.widget?.value ?? "");
  }

  /** Whether it is another node that says it. */
  get isWired() {
    return !!this.node.inputs?.some((input) => input.name === "edits" && input.link != null);
  }

  /** `{edits, problem}`; the same objects as long as the text is the same. */
  get parsed() {
    const { text } = this;
    if (this.known?.text !== text) this.known = { text, ...parseEdits(text) };
    return this.known;
  }

  get edits() {
    return this.isWired ? NONE : this.parsed.edits;
  }

  /** Why nothing can be edited; empty if all is well. */
  get locked() {
    if (this.isWired) return word("The edits come from another node; change them there. You see what the last run made of them.");
    return this.parsed.problem;
  }

  /** Write edits: one step to undo. */
  write(edits) {
    const text = formatEdits(edits);
    if (!this.widget || text === this.text) return;
    this.widget.value = text;
    this.widget.callback?.(text);
    this.node.setDirtyCanvas?.(true, true);
    addStep();
  }
}

/** In both renderers; its value is still saved and sent. */
function hide(widget) {
  widget.hidden = true;
  (widget.options ??= {}).hidden = true; // the same object: some editors hold on to it
  widget.computeSize = () => [0, -4];
  if (widget.element) widget.element.hidden = true;
}
