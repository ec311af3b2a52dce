/** What plays frames: by the time, or by a film whose every frame can be entered. */
import { frameAt } from "./motion_file.js";

/** Plays by the time that passes. `changed()` is called when another frame is to be seen, and when it starts or stops. */
export class Clock {
  frame = 0;
  loop = true;
  speed = 1;
  playing = false;

  constructor(changed) {
    this.changed = changed;
  }

  /** Play others from now on: `frames`, of which one lasts `step` / `rate` seconds. */
  open({ frames, rate, step = 1 }) {
    this.source = { frames, rate, step };
    this.seek(this.frame);
  }

  /** There is nothing to play any more. */
  close() {
    this.play(false);
    this.source = undefined;
  }

  get last() {
    return (this.source?.frames ?? 0) - 1;
  }

  /** Go to a frame, or to the nearest that there is. */
  seek(frame) {
    if (!this.source) return false;
    this.frame = this.clamped(frame);
    this.startedAt = undefined;
    this.changed();
    return true;
  }

  /** Go so many frames on. */
  go(by) {
    return this.seek(this.frame + by);
  }

  clamped(frame) {
    return Math.max(0, Math.min(frame, this.last));
  }

  /** Whether to begin again at the end, and how many times as fast to play. */
  pace({ loop = this.loop, speed = this.speed }) {
    Object.assign(this, { loop, speed, startedAt: undefined });
  }

  /** Start or stop; `false` if there is nothing to play. */
  play(on) {
    const canPlay = this.last > 0;
    this.playing = on && canPlay;
    if (this.playing) this.start();
    else this.stop();
    this.changed();
    return canPlay;
  }

  start() {
    this.stop();
    if (this.frame === this.last) this.frame = 0;
    this.startedAt = undefined;
    this.next = requestAnimationFrame((now) => this.tick(now));
  }

  stop() {
    cancelAnimationFrame(this.next);
  }

  tick(now) {
    const { source, speed, loop, frame } = this;
    this.startedAt ??= now - (1000 * frame * source.step) / source.rate / speed;
    this.frame = frameAt(source, ((now - this.startedAt) / 1000) * speed, loop);
    if (!loop && this.frame === this.last) {
      this.play(false);
      return;
    }
    if (this.frame !== frame) this.changed();
    this.next = requestAnimationFrame((later) => this.tick(later));
  }
}

/** Plays a film, a video element; its frame is the one that the film shows. */
export class FilmClock extends Clock {
  constructor(film, changed) {
    super(changed);
    this.film = film;
    film.addEventListener("seeked", () => this.arrive());
    film.addEventListener("ended", () => this.playing && this.play(false));
    this.watch();
  }

  /** Note each picture that the film puts up; one that it was sent to may come after it said that it is there. */
  watch() {
    this.film.requestVideoFrameCallback?.((_, { mediaTime }) => {
      if (this.playing) this.note(Math.round(this.framesIn(mediaTime)));
      else this.changed();
      this.watch();
    });
  }

  /** The same by the film's time, for browsers that do not tell of pictures (Firefox before 132). */
  tick() {
    const frame = this.clamped(Math.floor(this.framesIn(this.film.currentTime) + 1e-6));
    if (frame !== this.frame) this.note(frame);
    this.next = requestAnimationFrame(() => this.tick());
  }

  framesIn(seconds) {
    return (seconds * this.source.rate) / this.source.step;
  }

  note(frame) {
    this.frame = this.clamped(frame);
    this.changed();
  }

  /** Go there as soon as the film is where it was sent before; what was asked for in between is left out. */
  seek(frame) {
    if (!this.source) return false;
    this.wanted = this.clamped(frame);
    if (!this.film.seeking) this.send();
    return true;
  }

  go(by) {
    return this.seek((this.film.seeking ? this.wanted : this.frame) + by);
  }

  send() {
    this.sent = this.wanted;
    this.film.currentTime = ((this.sent + 0.5) * this.source.step) / this.source.rate; // its middle, to be sure
  }

  arrive() {
    if (!this.source) return;
    if (this.sent !== this.wanted) this.send();
    else if (!this.playing) {
      this.frame = this.sent;
      this.changed();
    }
  }

  pace(how) {
    super.pace(how);
    Object.assign(this.film, { loop: this.loop, playbackRate: this.speed });
  }

  start() {
    if (this.frame === this.last) this.seek(0);
    this.pace({});
    this.film.play().catch(() => this.playing && this.play(false)); // ended, or not allowed
    if (this.film.requestVideoFrameCallback) return;
    cancelAnimationFrame(this.next);
    this.next = requestAnimationFrame(() => this.tick());
  }

  /** Its time may be past the picture that it shows. */
  stop() {
    super.stop();
    if (this.film.paused && !this.film.ended) return;
    this.film.pause();
    this.seek(this.film.ended ? this.last : this.frame);
  }
}
