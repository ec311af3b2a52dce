/** Plays frames in their time. */

export class Clock {
  /**
   * @param {(frame: number) => void} show called for every frame that is due
   * @param {(playing: boolean) => void} changed
   */
  constructor(show, changed) {
    this.show = show;
    this.changed = changed;
    this.playing = false;
  }

  /** Play so many frames at a rate, from one of them on, over and over. */
  start(frame, count, rate) {
    this.stop();
    if (count < 2) return;
    Object.assign(this, { playing: true, frame, count, rate, startedAt: undefined });
    this.next = requestAnimationFrame((now) => this.tick(now));
    this.changed(true);
  }

  tick(now) {
    this.startedAt ??= now - (1000 * this.frame) / this.rate;
    const frame = Math.floor(((now - this.startedAt) / 1000) * this.rate + 1e-6) % this.count;
    if (frame !== this.frame) this.show((this.frame = frame));
    if (this.playing) this.next = requestAnimationFrame((later) => this.tick(later));
  }

  stop() {
    cancelAnimationFrame(this.next);
    if (!this.playing) return;
    this.playing = false;
    this.changed(false);
  }
}
