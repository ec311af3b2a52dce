/** A drag of a joint: shown at once, and one edit once it ends. */
import { EVERYTHING, PELVIS, jointNumber } from "./joints.js";
import { movedFrom } from "./span_edits.js";

const PAUSE = 600; // milliseconds after which keys that move a joint have made one edit
const LEAST = 1e-4; // of the frame; less is no move
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
    this.show(movedFrom(editor.edits, { ...this.move, by }, editor.view.span));
  }

  /** Show edits that are not made yet; those that are made end it. */
  show(edits) {
    const { editor } = this;
    this.edits = edits === editor.edits ? undefined : edits;
    const { frame } = editor.view;
    editor.session.draft(edits, editor.view.curves ? undefined : [frame - AROUND, frame + AROUND]);
    editor.refresh();
  }

  /** Make what is shown an edit. */
  drop() {
    clearTimeout(this.pausing);
    const { editor, move } = this;
    if (!move) return false;
    const by = this.reached(move);
    if (Math.hypot(...by) < LEAST) return this.cancel();
    this.forget();
    return editor.change(movedFrom(editor.edits, { ...move, by }, editor.view.span));
  }

  /** How far the joint came: bones may not reach where the pointer is. */
  reached({ frame, person, joint }) {
    const number = jointNumber(joint);
    if (joint === EVERYTHING || joint === PELVIS) return this.by;
    const { posed } = this.editor.session;
    const now = posed.pose(frame, person);
    return [(now.x[number] - this.before.x[number]) / posed.aspect, now.y[number] - this.before.y[number]];
  }

  /** By a key, again and again. */
  nudge(hit, [dx, dy]) {
    if (this.move && (this.move.joint !== hit.joint || this.move.person !== hit.person)) this.drop();
    const [x, y] = this.move ? this.by : [0, 0];
    this.to(hit, [x + dx, y + dy]);
    clearTimeout(this.pausing);
    this.pausing = setTimeout(() => this.drop(), PAUSE);
  }

  forget() {
    clearTimeout(this.pausing);
    this.edits = this.move = undefined;
  }

  /** Give up; whether there was anything. */
  cancel() {
    if (!this.edits) return false;
    this.forget();
    this.editor.session.restore(this.editor.edits);
    this.editor.refresh();
    return true;
  }
}
