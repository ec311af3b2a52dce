/** What of which person lies under the pointer. */
import { placeX, placeY } from "../motion_file.js";
import { EVERYTHING, HIPS, LEFT_HAND, PELVIS, RIGHT_HAND, handFrom, jointNames, ofHand } from "./joints.js";

const NEAR = 10; // CSS pixels
const LEAST_HAND = 26; // CSS pixels that a hand has to measure so that its joints can be told apart
const AHEAD = 4; // CSS pixels by which the chosen person's joints win
const GRIP = 16; // CSS pixels from a person's lowest or highest joint to the handle of the whole

/** Where the handles of a person are on a canvas: `{pelvis?, body?}`, places in CSS pixels. */
export function handles(motion, frame, person, box) {
  const first = (frame * motion.people + person - 1) * motion.joints;
  const place = (joint) => [box.x + placeX(motion, first + joint) * box.width, box.y + placeY(motion, first + joint) * box.height];
  const seen = (joint) => motion.confidences[first + joint] > 0;
  const found = {};
  const hips = HIPS.filter(seen).map(place);
  const middle = (axis) => hips.reduce((sum, hip) => sum + hip[axis], 0) / hips.length;
  if (hips.length) found.pelvis = [middle(0), middle(1)];
  let [left, right, top] = [Infinity, -Infinity, Infinity];
  for (let joint = 0; joint < motion.joints; joint++) {
    if (!seen(joint) || ofHand(joint)) continue;
    const [x, y] = place(joint);
    [left, right, top] = [Math.min(left, x), Math.max(right, x), Math.min(top, y)];
  }
  if (left <= right) found.body = [(left + right) / 2, Math.max(top - GRIP, box.y < 0 ? GRIP / 2 : box.y + GRIP / 2)];
  return found;
}

/**
 * The joint or handle nearest to a point.
 * @returns {{person: number, joint: string} | undefined} undefined if none is near
 */
export function under(motion, frame, box, [px, py], { person: chosen, near = NEAR } = {}) {
  const names = jointNames(motion.joints);
  let best;
  let least = near;
  const consider = (person, joint, x, y, handicap = 0) => {
    const distance = Math.hypot(x - px, y - py);
    if (distance > near) return;
    const counted = distance + handicap - (person === chosen ? AHEAD : 0);
    if (counted > least) return;
    least = counted;
    best = { person, joint };
  };
  for (let person = 1; person <= motion.people; person++) {
    const first = (frame * motion.people + person - 1) * motion.joints;
    const isLarge = [handSize(motion, first, LEFT_HAND, box) >= LEAST_HAND, handSize(motion, first, RIGHT_HAND, box) >= LEAST_HAND];
    for (let joint = 0; joint < motion.joints; joint++) {
      if (!motion.confidences[first + joint] || (ofHand(joint) && !isLarge[Number(joint >= RIGHT_HAND)])) continue;
      if (joint === LEFT_HAND || joint === RIGHT_HAND) continue; // the wrist of the body lies there
      consider(person, names[joint], box.x + placeX(motion, first + joint) * box.width, box.y + placeY(motion, first + joint) * box.height);
    }
    const grips = handles(motion, frame, person, box);
    if (grips.pelvis) consider(person, PELVIS, ...grips.pelvis, 1);
    if (grips.body && person === chosen) consider(person, EVERYTHING, ...grips.body);
  }
  return best;
}

function handSize(motion, first, hand, box) {
  if (hand >= motion.joints) return 0;
  let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
  for (const joint of handFrom(hand)) {
    const point = first + joint;
    if (!motion.confidences[point]) continue;
    const [x, y] = [placeX(motion, point) * box.width, placeY(motion, point) * box.height];
    [left, right, top, bottom] = [Math.min(left, x), Math.max(right, x), Math.min(top, y), Math.max(bottom, y)];
  }
  return Math.max(right - left, bottom - top);
}
