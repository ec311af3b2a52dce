/** Beats of a sound as ticks above the slider of a motion's player. */
import { element } from "./lib/dom.js";
import { word } from "./lib/words.js";

/** How far along the slider, 0 to 1, beats are that are given in seconds; those outside the motion are left out. */
export function marksAt(beats, { frames, step, rate }) {
  const last = ((frames - 1) * step) / rate; // where the slider ends
  return last > 0 ? beats.filter((beat) => beat >= 0 && beat <= last).map((beat) => beat / last) : [];
}

export class BeatMarks {
  /** Takes the slider's place, with the slider inside. */
  constructor(slider) {
    const label = word("Beats of the sound");
    this.marks = element("div", { className: "frugal-beats", role: "img", "aria-label": label, title: label, hidden: true });
    const track = element("div", { className: "frugal-track" });
    slider.replaceWith(track);
    track.append(this.marks, slider);
  }

  show(beats = [], motion) {
    const marks = marksAt(beats, motion);
    this.marks.hidden = !marks.length;
    this.marks.replaceChildren(
      ...marks.map((at) => {
        const mark = element("i");
        mark.style.setProperty("--at", at);
        return mark;
      }),
    );
  }
}
