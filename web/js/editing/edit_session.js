/** A motion that is being edited: what the run has sent, what the input `edits` says, and what the server makes of both. */
import { fetchFile, noRoom } from "../in_node.js";
import { nobodyIn, readMotion } from "../motion_file.js";
import { EditServer, fromBase64 } from "./edit_server.js";
import { Film } from "./film.js";
import { PosedMotion } from "./posed_motion.js";

const REST = 600; // milliseconds without an edit after which troubles are looked for anew

export class EditSession {
  /** @param {() => void} changed there is something new to show */
  constructor(changed) {
    this.changed = changed;
    this.server = new EditServer((text, kind) => {
      Object.assign(this, { status: text, statusKind: kind });
      this.changed();
    });
    this.clear("");
  }

  clear(message) {
    Object.assign(this, { message, posed: undefined, film: undefined, result: undefined, notes: [], troubles: [], status: "" });
    this.syncedText = this.troubledText = undefined;
  }

  /** The motion with its edits, as far as is known; undefined before a run. */
  get motion() {
    return this.posed?.shown;
  }

  /** Take what a run has sent. */
  async load(told) {
    if (JSON.stringify(told) === JSON.stringify(this.told)) return;
    this.told = told;
    try {
      if (!told.motion) throw new Error(noRoom());
      const motion = readMotion(await fetchFile(told.motion));
      if (told !== this.told) return; // another run has ended meanwhile
      this.take(motion, told);
    } catch (error) {
      if (told !== this.told) return;
      this.told = undefined; // to be tried again
      this.clear(error.message);
    }
    this.changed();
  }

  take(motion, told) {
    this.end();
    this.clear(nobodyIn(motion));
    if (this.message) return;
    this.posed = new PosedMotion(motion);
    this.film = told.film ? new Film(told.film, () => this.changed()) : undefined;
    Object.assign(this, { notes: told.notes ?? [], troubles: told.troubles ?? [] });
    if (told.troubles) this.troubledText = told.edits; // those that the run had
  }

  /**
   * Show what edits make of the motion: at once as far as that can be told here, and then as the server tells.
   * @param {object[]} edits
   * @param {string} text they are written as
   * @param {boolean} wantsResult whether to ask for what comes out in the end, too
   */
  sync(edits, text, wantsResult) {
    if (!this.posed) return;
    if (wantsResult && this.resultText !== text) this.askResult(text);
    if (text === this.syncedText) return;
    this.syncedText = text;
    const { posed } = this;
    const unknown = this.restore(edits);
    this.askTroubles(text);
    if (!text) this.notes = [];
    if (!text && !unknown) return this.server.drop("posed"); // that was asked for edits which are taken back
    const question = { motion: this.told.motion, edits: text, frames: unknown ?? [0, 0] };
    this.server.ask("posed", question, (answer) => {
      posed.tell(edits, answer.first, fromBase64(answer.motion));
      this.notes = answer.notes;
      this.changed();
    });
  }

  /** Show edits that are made, as far as that can be told here; gives the frames for which it has yet to be asked. */
  restore(edits) {
    const { posed } = this;
    const unknown = posed.unknown(edits);
    posed.forget();
    if (unknown) posed.guess(edits, unknown);
    return unknown;
  }

  askTroubles(text) {
    clearTimeout(this.resting);
    this.server.forget("troubles");
    if (text === this.troubledText) return;
    this.resting = setTimeout(() => {
      const question = { motion: this.told.motion, edits: text };
      this.server.ask("troubles", question, ({ troubles }) => {
        Object.assign(this, { troubles, troubledText: text });
        this.changed();
      });
    }, REST);
  }

  askResult(text) {
    this.resultText = text;
    this.server.ask("result", { motion: this.told.motion, edits: text }, (answer) => {
      this.result = { motion: readMotion(fromBase64(answer.motion)), times: answer.times };
      this.changed();
    });
  }

  /** Show edits that are not made yet: in some frames, or in all that they change. */
  draft(edits, frames) {
    if (!frames) return this.restore(edits);
    this.posed.forget();
    return this.posed.guess(edits, frames);
  }

  /** Let go of what is fetched again when it is needed. */
  end() {
    this.server.end();
    clearTimeout(this.resting);
    this.film?.end();
    this.syncedText = this.resultText = undefined;
  }
}
