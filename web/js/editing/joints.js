/** The joints of a motion by name and by number. */

export const BODY_JOINTS = [
  "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist", "right_hip",
  "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "right_eye", "left_eye", "right_ear", "left_ear",
];
const BODY = BODY_JOINTS.length;
const HAND = 21;

export const LEFT_HAND = BODY;
export const RIGHT_HAND = BODY + HAND;
export const NECK = 1;
export const HIPS = [8, 11];
export const PELVIS = "pelvis";
export const EVERYTHING = "body";

/** Names of the joints of a motion with 18 or 60, by their number; without a count, of all there can be. */
export function jointNames(count) {
  const hands = ["left", "right"].flatMap((side) => Array.from({ length: HAND }, (_, place) => `${side}_hand_${place}`));
  return [...BODY_JOINTS, ...hands].slice(0, count);
}

/** The number of a joint, -1 for the pelvis and the whole body. */
export function jointNumber(name) {
  const hand = inHand(name);
  return hand ? (hand.side === "left" ? LEFT_HAND : RIGHT_HAND) + hand.place : BODY_JOINTS.indexOf(name);
}

/** The side and the number in its hand of a joint such as `left_hand_8`; undefined for one that is in no hand. */
export function inHand(name) {
  const [, side, place] = /^(left|right)_hand_(\d+)$/.exec(name) ?? [];
  return side && { side, place: Number(place) };
}

/** The first joint of the hand that hangs on a wrist, -1 for other joints. */
export const handOn = (joint) => ({ 7: LEFT_HAND, 4: RIGHT_HAND })[joint] ?? -1;

/** The joints of the hand that begins at one. */
export const handFrom = (first) => Array.from({ length: HAND }, (_, place) => first + place);

/** Whether a joint is one of a hand. */
export const ofHand = (joint) => joint >= BODY;
