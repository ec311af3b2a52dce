/** Motions as nodes/motion/player_file.py packs them; the format is described there. */
import { word } from "./lib/words.js";

const MAGIC = 0x31504d46; // "FMP1"
const HEADER = 36;

/**
 * Read a motion.
 * @param {ArrayBuffer} buffer
 * @returns {{frames: number, frameCount: number, step: number, width: number, height: number, people: number,
 *   joints: number, rate: number, places: Uint16Array, confidences: Uint8Array}} `frames` are kept of `frameCount`,
 *   every `step`-th; `rate` is in frames of the clip per second.
 * @throws {Error} it is something else, or cut short.
 */
export function readMotion(buffer) {
  const view = new DataView(buffer);
  if (buffer.byteLength < HEADER || view.getUint32(0, true) !== MAGIC) throw new Error(word("This is no motion."));
  const [frames, frameCount, step, width, height] = [4, 8, 12, 16, 20].map((at) => view.getUint32(at, true));
  const [people, joints] = [24, 26].map((at) => view.getUint16(at, true));
  const points = frames * people * joints;
  if (buffer.byteLength !== HEADER + 5 * points) throw new Error(word("This motion is cut short."));
  const places = new Uint16Array(buffer, HEADER, 2 * points); // browsers run on little-endian machines only
  const confidences = new Uint8Array(buffer, HEADER + 4 * points, points);
  return { frames, frameCount, step, width, height, people, joints, rate: view.getFloat64(28, true), places, confidences };
}

/** Why there is nothing to see of a motion; empty if there is. */
export function nobodyIn(motion) {
  if (motion.frames === 0) return word("This motion has no frames.");
  return motion.people === 0 ? word("There is nobody in this motion.") : "";
}

/** The place of a joint in fractions of the frame; `point` counts joints through people and kept frames. */
export const placeX = (motion, point) => motion.places[2 * point] / 32767.5 - 0.5;
export const placeY = (motion, point) => motion.places[2 * point + 1] / 32767.5 - 0.5;

/** Seconds that a motion lasts. */
export const seconds = (motion) => motion.frameCount / motion.rate;

/** The kept frame that is shown after so many seconds, which may exceed the clip's. */
export function frameAt(motion, time, loop) {
  const frame = Math.floor((time * motion.rate) / motion.step + 1e-6);
  return loop ? frame % Math.max(motion.frames, 1) : Math.min(frame, motion.frames - 1);
}

/** The kept frame of another motion that belongs to one of this: the same, or as far in the clip if it is longer. */
export function counterpart(motion, frame, other) {
  if (other.frameCount === motion.frameCount) return Math.min(frame, other.frames - 1);
  const share = motion.frames > 1 ? frame / (motion.frames - 1) : 0;
  return Math.round(share * (other.frames - 1));
}
