/** The chosen joint's curves, worked out anew only where something has changed. */
import { CHANNELS, channelOf, limbOf } from "./channels.js";
import { Curves } from "./curves.js";

export class CurvePanel {
  constructor(calls) {
    this.channel = CHANNELS[0];
    this.curves = new Curves({ ...calls, channel: (name) => this.choose(name) });
    this.kept = new Map();
  }

  get element() {
    return this.curves.element;
  }

  choose(channel) {
    this.channel = channel;
    this.show(this.posed, this.state);
  }

  /** @param {object} posed a `PosedMotion`; @param {object} state as the timeline takes it */
  show(posed, state) {
    Object.assign(this, { posed, state });
    const { person, joint } = state;
    const { channel } = this;
    const limb = (frame) => limbOf(posed.shown, frame, person, joint);
    const source = this.course("source", posed.source, posed.source, state);
    this.curves.show({ ...state, channel, source, posed: this.course("shown", posed.shown, posed.version, state), limb });
  }

  course(name, motion, version, { person, joint }) {
    const asked = [motion, version, person, joint, this.channel];
    const kept = this.kept.get(name);
    if (kept && asked.every((value, place) => value === kept.asked[place])) return kept.values;
    const values = channelOf(motion, person, joint, this.channel);
    this.kept.set(name, { asked, values });
    return values;
  }

  end() {
    this.curves.end();
  }
}
