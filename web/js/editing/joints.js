/** The joints of a motion by name and by number. */
import { BODY_JOINTS } from "./edit_value.js";

const BODY = BODY_JOINTS.length;
const HAND = 21;

export const LEFT_HAND = BODY;
export const RIGHT_HAND = BODY + HAND;
export const NECK = 1;
export const HIPS = [8, 11];
export const PELVIS = "pelvis";
export const EVERYTHING = "body";

/** Names of the joints of a motion with 18 or 60, by their number. */
export function jointNames(count) {
  const hands = ["left", "right"].flatMap((side) => Array.from({ length: HAND }, (_, place) => `${side}_hand_${place}`));
  return [...BODY_JOINTS, ...hands].slice(0, count);
}

/** The number of a joint, -1 for the pelvis and the whole body. */
export function jointNumber(name) {
  const hand = /^(left|right)_hand_(\d+)$/.exec(name);
  if (!hand) return BODY_JOINTS.indexOf(name);
  return BODY + (hand[1] === "right" ? HAND : 0) + Number(hand[2]);
}

/** The first joint of the hand that hangs on a wrist, -1 for other joints. */
export const handOn = (joint) => ({ 7: LEFT_HAND, 4: RIGHT_HAND })[joint] ?? -1;

/** The joints of the hand that begins at one. */
export const handFrom = (first) => Array.from({ length: HAND }, (_, place) => first + place);

/** Whether a joint is one of a hand. */
export const ofHand = (joint) => joint >= BODY;
