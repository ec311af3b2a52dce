/** What curves show of a joint over time: its x, its y, or its angle about the joint that it hangs on. */
import { placeX, placeY } from "../motion_file.js";
import { EVERYTHING, HIPS, PELVIS, inHand, jointNumber } from "./joints.js";

export const CHANNELS = ["x", "y", "angle"];
const PARENTS = {
  neck: PELVIS, nose: "neck", right_eye: "neck", left_eye: "neck", right_ear: "neck", left_ear: "neck",
  right_shoulder: "neck", right_elbow: "right_shoulder", right_wrist: "right_elbow",
  left_shoulder: "neck", left_elbow: "left_shoulder", left_wrist: "left_elbow",
  right_hip: "neck", right_knee: "right_hip", right_ankle: "right_knee",
  left_hip: "neck", left_knee: "left_hip", left_ankle: "left_knee",
};

/** The joint that one hangs on, empty for the whole person and the pelvis. */
export function parentOf(joint) {
  const hand = inHand(joint);
  if (!hand) return PARENTS[joint] ?? "";
  const { side, place } = hand;
  if (place === 0) return `${side}_elbow`;
  return `${side}_hand_${place % 4 === 1 ? 0 : place - 1}`; // fingers begin at 1, 5, 9…
}

/**
 * Where a joint is.
 * @param {object} motion as `readMotion` gives it, of all frames
 * @param {number} person from 1 on
 * @returns {?number[]} in fractions of the frame's width and height; undefined where it is missing
 */
export function placeOf(motion, frame, person, joint) {
  const first = (frame * motion.people + person - 1) * motion.joints;
  const numbers = joint === PELVIS || joint === EVERYTHING ? HIPS : [jointNumber(joint)];
  const seen = numbers.filter((number) => number < motion.joints && motion.confidences[first + number]);
  if (!seen.length) return undefined;
  const mean = (place) => seen.reduce((sum, number) => sum + place(motion, first + number), 0) / seen.length;
  return [mean(placeX), mean(placeY)];
}

/** A joint and the one that it hangs on at a frame; undefined if one of them is missing. */
export function limbOf(motion, frame, person, joint) {
  const parent = parentOf(joint);
  const ends = parent ? [placeOf(motion, frame, person, joint), placeOf(motion, frame, person, parent)] : [];
  return ends[0] && ends[1] ? { joint: ends[0], parent: ends[1], aspect: (motion.width || 1) / (motion.height || 1) } : undefined;
}

/**
 * One of the `CHANNELS` in all frames.
 * @returns {Float32Array} fractions of the frame's width or height, or degrees to the left from "to the right", with no
 *   jump at a full turn; NaN where it is missing
 */
export function channelOf(motion, person, joint, channel) {
  const values = new Float32Array(motion.frames).fill(NaN);
  if (person < 1 || person > motion.people) return values;
  let last = 0;
  for (let frame = 0; frame < motion.frames; frame++) {
    if (channel !== "angle") values[frame] = placeOf(motion, frame, person, joint)?.[channel === "x" ? 0 : 1] ?? NaN;
    else {
      const limb = limbOf(motion, frame, person, joint);
      if (limb) last = values[frame] = near(angleOf(limb), last);
    }
  }
  return values;
}

function angleOf({ joint, parent, aspect }) {
  return (Math.atan2(parent[1] - joint[1], (joint[0] - parent[0]) * aspect) * 180) / Math.PI;
}

function near(angle, other) {
  return angle + 360 * Math.round((other - angle) / 360);
}

/** How far a joint goes, in fractions of the frame, that is turned about the one that it hangs on by so many degrees. */
export function turnedBy({ joint, parent, aspect }, degrees) {
  const angle = (-degrees * Math.PI) / 180; // y goes down
  const [x, y] = [(joint[0] - parent[0]) * aspect, joint[1] - parent[1]];
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return [(cos * x - sin * y - x) / aspect, sin * x + cos * y - y];
}
