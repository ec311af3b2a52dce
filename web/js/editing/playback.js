/** Where in time the editor is: frames of what came in, or of what comes out after holds, cuts and speed. */
import { Clock } from "../clock.js";

export class Playback {
  constructor(editor) {
    this.editor = editor;
    this.clock = new Clock(() => this.ticked());
  }

  get isPlaying() {
    return this.clock.playing;
  }

  /** What comes out, if that is what is shown. */
  get result() {
    const { view, session } = this.editor;
    return view.result ? session.result : undefined;
  }

  /** The frame of the result that is shown. */
  get out() {
    const { frame, out = this.outOf(frame) } = this.editor.view;
    return Math.min(out, this.result.motion.frames - 1);
  }

  /** The frame of the result that shows a frame of what came in, or the first one after. */
  outOf(frame) {
    const { times } = this.result;
    const out = times.findIndex((time) => time >= frame);
    return out < 0 ? times.length - 1 : out;
  }

  seek(frame) {
    const { editor } = this;
    if (!editor.motion) return;
    this.stop();
    editor.drag.drop();
    const within = Math.max(0, Math.min(frame, editor.motion.frames - 1));
    editor.look({ frame: within, out: undefined });
  }

  /** By frames of what is shown. */
  step(frames) {
    if (!this.result) return this.seek(this.editor.view.frame + frames);
    this.stop();
    return this.played(Math.max(0, Math.min(this.out + frames, this.result.motion.frames - 1)));
  }

  play(on) {
    const { motion, view } = this.editor;
    if (!on || !motion) return this.stop();
    const { result, clock } = this;
    clock.frame = result ? this.out : view.frame;
    clock.open(result?.motion ?? motion);
    return clock.play(true);
  }

  stop() {
    if (this.clock.playing) this.clock.play(false);
  }

  ticked() {
    if (this.clock.playing) this.played(this.clock.frame);
    else this.editor.refresh();
  }

  played(frame) {
    const { result, editor } = this;
    if (!result) return editor.look({ frame });
    const source = Math.round(result.times[frame] ?? 0);
    return editor.look({ out: frame, frame: Math.max(0, Math.min(source, editor.motion.frames - 1)) });
  }
}
