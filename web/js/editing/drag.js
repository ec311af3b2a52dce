/** A drag of a joint: shown at once, and one edit once it ends. */
import { formatEdits } from "./edit_value.js";
import { EVERYTHING, PELVIS, jointNumber } from "./joints.js";
import { movedFrom } from "./span_edits.js";

const PAUSE = 400; // milliseconds after which keys that move a joint have made one edit
const AROUND = 3; // frames shown beside the current one

export class Drag {
  constructor(editor) {
    this.editor = editor;
  }

  /** Bring a joint from where it was by a part of the frame. */
  to({ person, joint }, by, stretch) {
    const { editor } = this;
    const { frame, replace } = editor.view;
    if (!this.move) this.before = editor.session.posed.pose(frame, person);
    this.move = { frame, person, joint, stretch: stretch || undefined, replace: replace || undefined };
    this.by = by;
    this.show(movedFrom(editor.edits, { ...this.move, by }));
  }

  /** Show edits that are not made yet. */
  show(edits) {
    const { editor } = this;
    this.edits = edits;
    const { frame } = editor.view;
    editor.session.draft(edits, [frame - AROUND, frame + AROUND]);
    editor.refresh();
  }

  /** Make what is shown an edit. */
  drop() {
    clearTimeout(this.pausing);
    const { editor, move, edits } = this;
    this.edits = this.move = undefined;
    if (!edits) return;
    const made = move ? movedFrom(editor.edits, { ...move, by: this.reached(move) }) : edits;
    if (formatEdits(made) === formatEdits(editor.edits)) editor.session.posed.forget();
    editor.change(made);
  }

  /** How far the joint came: bones may not reach where the pointer is. */
  reached({ frame, person, joint }) {
    const number = jointNumber(joint);
    if (joint === EVERYTHING || joint === PELVIS) return this.by;
    const { posed } = this.editor.session;
    const now = posed.pose(frame, person);
    return [(now.x[number] - this.before.x[number]) / posed.aspect, now.y[number] - this.before.y[number]];
  }

  nudge(hit, [dx, dy]) {
    const [x, y] = this.move ? this.by : [0, 0];
    this.to(hit, [x + dx, y + dy]);
    clearTimeout(this.pausing);
    this.pausing = setTimeout(() => this.drop(), PAUSE);
  }

  /** Give up; whether there was anything. */
  cancel() {
    clearTimeout(this.pausing);
    if (!this.edits) return false;
    this.edits = this.move = undefined;
    this.editor.session.syncedText = undefined;
    this.editor.session.posed.forget();
    this.editor.sync();
    return true;
  }
}
