/**
 * How a body follows when one of its joints is moved: bones keep their lengths. It shows a drag at once;
 * nodes/motion/editing/by_hand/skeleton.py says the same in Python, and has the last word.
 *
 * A pose is `{x, y, found}`: arrays by joint, in frame heights, so that a length is the same across and down.
 */
import { EVERYTHING, HIPS, LEFT_HAND, NECK, PELVIS, RIGHT_HAND, handFrom, handOn, jointNumber, ofHand } from "./joints.js";

const TINY = 1e-12;
const NEAREST = 1e-6; // never quite on its root, where a limb would point nowhere
const FINGER = 4; // joints
const ARMS = { 4: [2, 3], 7: [5, 6] }; // wrist: shoulder and elbow
const LEGS = { 10: [8, 9], 13: [11, 12] };
const LIMBS = { ...ARMS, ...LEGS };
const ANKLE_OF = { 8: 10, 11: 13 };
const BELOW = { 2: [2, 3, 4], 5: [5, 6, 7], 3: [3, 4], 6: [6, 7], 9: [9, 10], 12: [12, 13] };
const PARENT = { 2: NECK, 5: NECK, 3: 2, 6: 5, 9: 8, 12: 11, 8: NECK, 11: NECK };
const HEAD = [0, 14, 15, 16, 17];
const UPPER = [NECK, ...HEAD, 2, 3, 4, 5, 6, 7];

/**
 * Move a joint of a pose, in place.
 * @param {{x: Float64Array, y: Float64Array, found: ArrayLike<number>}} pose
 * @param {string} joint its name, `pelvis` or `body`
 * @param {number[]} by in frame heights
 * @param {boolean} stretch whether that joint goes alone
 */
export function moveJoint(pose, joint, by, stretch = false) {
  if (joint === EVERYTHING) return shift(pose, all(pose), by);
  if (joint === PELVIS) return stretch ? shift(pose, HIPS, by) : movePelvis(pose, by);
  const number = jointNumber(joint);
  if (!pose.found[number]) return;
  if (stretch) shift(pose, [number], by);
  else if (LIMBS[number]) reach(pose, number, by);
  else if (ANKLE_OF[number]) moveHip(pose, number, by);
  else if (number === NECK) moveNeck(pose, by);
  else if (HEAD.includes(number)) turn(pose, NECK, number, by, HEAD);
  else if (ofHand(number)) moveFinger(pose, number, by);
  else turn(pose, PARENT[number], number, by, withHand(pose, BELOW[number]));
}

/** Where the pelvis is: in the middle of the hips that are seen, undefined if none is. */
function pelvisOf({ x, y, found }) {
  const hips = HIPS.filter((hip) => found[hip]);
  const middle = (values) => hips.reduce((sum, hip) => sum + values[hip], 0) / hips.length;
  return hips.length ? [middle(x), middle(y)] : undefined;
}

const all = (pose) => Array.from(pose.found.keys());

function shift({ x, y, found }, joints, [dx, dy]) {
  for (const joint of joints) {
    if (!found[joint]) continue;
    x[joint] += dx;
    y[joint] += dy;
  }
}

/** The joints and those of the hand on them. */
function withHand(pose, joints) {
  const first = handOn(joints.at(-1));
  return first < 0 || first >= pose.x.length ? joints : [...joints, ...handFrom(first)];
}

/** Turn joints about one, so that another of them points to where it is moved. */
function turn(pose, centre, joint, by, joints) {
  if (!pose.found[centre]) return shift(pose, joints, by);
  turnAbout(pose, [pose.x[centre], pose.y[centre]], [pose.x[joint], pose.y[joint]], by, joints);
}

function turnAbout(pose, [cx, cy], [px, py], [dx, dy], joints) {
  const before = [px - cx, py - cy];
  const after = [before[0] + dx, before[1] + dy];
  if (Math.hypot(...before) * Math.hypot(...after) < TINY) return;
  rotate(pose, [cx, cy], angle(after) - angle(before), joints);
}

const angle = ([x, y]) => Math.atan2(y, x);

function rotate({ x, y, found }, [cx, cy], by, joints) {
  const [cos, sin] = [Math.cos(by), Math.sin(by)];
  for (const joint of joints) {
    if (!found[joint]) continue;
    const [dx, dy] = [x[joint] - cx, y[joint] - cy];
    x[joint] = cx + cos * dx - sin * dy;
    y[joint] = cy + sin * dx + cos * dy;
  }
}

/** Move a wrist or an ankle: two bones reach for its place. */
function reach(pose, end, by) {
  const { x, y, found } = pose;
  const [, middle] = LIMBS[end];
  const before = copied(pose);
  bend(pose, end, before, [x[end] + by[0], y[end] + by[1]]);
  const hand = withHand(pose, [end]).slice(1);
  if (!hand.length) return;
  shift(pose, hand, [x[end] - before.x[end], y[end] - before.y[end]]);
  if (found[middle]) rotate(pose, [x[end], y[end]], heading(pose, middle, end) - heading(before, middle, end), hand);
}

/**
 * Bring the end of a limb as near to a goal as its bones reach, bent to the side to which it was bent before. Where its
 * root is missing the lower bone turns about the middle joint; where that is missing the end just moves.
 */
function bend({ x, y, found }, end, before, goal) {
  const [root, middle] = LIMBS[end];
  const put = (joint, [px, py]) => ([x[joint], y[joint]] = [px, py]);
  const [long, short] = [length(before, root, middle), length(before, middle, end)];
  if (!found[middle]) return put(end, goal);
  if (!found[root]) {
    const way = angle([goal[0] - x[middle], goal[1] - y[middle]]);
    return put(end, [x[middle] + short * Math.cos(way), y[middle] + short * Math.sin(way)]);
  }
  const wish = [goal[0] - x[root], goal[1] - y[root]];
  const aim = Math.hypot(...wish) > TINY ? angle(wish) : heading(before, root, end);
  const far = Math.max(Math.abs(long - short), NEAREST, Math.min(Math.hypot(...wish), Math.max(long + short, NEAREST)));
  const along = (long ** 2 - short ** 2 + far ** 2) / (2 * far);
  const across = side(before, root, middle, end) * Math.sqrt(Math.max(long ** 2 - along ** 2, 0));
  const [cos, sin] = [Math.cos(aim), Math.sin(aim)];
  const from = [x[root], y[root]];
  if (found[end]) put(middle, [from[0] + cos * along - sin * across, from[1] + sin * along + cos * across]);
  return put(end, [from[0] + cos * far, from[1] + sin * far]);
}

const length = ({ x, y }, from, to) => Math.hypot(x[to] - x[from], y[to] - y[from]);
const heading = ({ x, y }, from, to) => angle([x[to] - x[from], y[to] - y[from]]);

/** 1 or -1: to which side of the way from root to end the middle lies. */
function side({ x, y }, root, middle, end) {
  const across = (x[end] - x[root]) * (y[middle] - y[root]) - (y[end] - y[root]) * (x[middle] - x[root]);
  return across < 0 ? -1 : 1;
}

const copied = ({ x, y, found }) => ({ x: x.slice(), y: y.slice(), found });

/** The hip turns about the neck, and the foot stays. */
function moveHip(pose, hip, by) {
  const before = copied(pose);
  turn(pose, NECK, hip, by, [hip]);
  stand(pose, hip, before);
}

/** The leg after its hip has moved: the ankle stays; a knee without ankle goes along. */
function stand(pose, hip, before) {
  const { x, y, found } = pose;
  const ankle = ANKLE_OF[hip];
  if (found[ankle]) bend(pose, ankle, before, [before.x[ankle], before.y[ankle]]);
  else if (found[hip]) shift(pose, [hip + 1], [x[hip] - before.x[hip], y[hip] - before.y[hip]]);
}

function moveNeck(pose, by) {
  const pelvis = pelvisOf(pose);
  const { x, y } = pose;
  const joints = [...UPPER, ...withHand(pose, [4]).slice(1), ...withHand(pose, [7]).slice(1)];
  if (pelvis) turnAbout(pose, pelvis, [x[NECK], y[NECK]], by, joints);
  else shift(pose, joints, by);
}

function movePelvis(pose, by) {
  const before = copied(pose);
  const below = Object.entries(LEGS).flatMap(([ankle, [, knee]]) => [knee, Number(ankle)]);
  shift(pose, all(pose).filter((joint) => !below.includes(joint)), by);
  for (const hip of HIPS) stand(pose, hip, before);
}

/** A joint of a finger turns about the one before, the rest of the finger with it; a hand's first moves the hand. */
function moveFinger(pose, number, by) {
  const first = number < RIGHT_HAND ? LEFT_HAND : RIGHT_HAND;
  const place = number - first;
  if (!place) return shift(pose, handFrom(first), by);
  const inFinger = (place - 1) % FINGER;
  const rest = Array.from({ length: FINGER - inFinger }, (_, step) => number + step);
  turn(pose, inFinger ? number - 1 : first, number, by, rest);
}
