/** Reads what Python has written, and tells what it found: `node agree.mjs < given.json`. */
import { readFileSync } from "node:fs";
import { applyEdits, isShotEnd, parseEdits, toggleFrame } from "../../web/js/keyframe_edits.js";
import { placeX, placeY, readMotion } from "../../web/js/motion_file.js";

const given = JSON.parse(readFileSync(0, "utf8"));
const { plan } = given;

const applied = given.texts.map((text) => {
  const { wanted, wrong } = parseEdits(text);
  return { frames: applyEdits(plan.frames, wanted), wrong };
});
let text = "";
const clicked = given.clicks.map((frame) => (text = toggleFrame(plan.frames, text, frame)));
const ends = [...Array(plan.frame_count).keys()].filter((frame) => isShotEnd(plan, frame));

const motion = readMotion(Uint8Array.from(Buffer.from(given.motion, "base64")).buffer);
const joints = [...motion.confidences].map((sure, at) => [placeX(motion, at), placeY(motion, at), sure / 255]);
const { frames, frameCount, people, rate } = motion;

console.log(JSON.stringify({ applied, clicked, ends, motion: { frames, frameCount, people, rate, joints } }));
