/** What the editor shows of edits before the server has told: `node agree_on_edits.mjs < given.json`. */
import { readFileSync } from "node:fs";
import { parseEdits } from "../../web/js/editing/edit_value.js";
import { moveJoint } from "../../web/js/editing/pose_drag.js";
import { PosedMotion, changedFrames } from "../../web/js/editing/posed_motion.js";
import { offsetAt, tracksOf } from "../../web/js/editing/tracks.js";
import { placeX, placeY, readMotion } from "../../web/js/motion_file.js";

const given = JSON.parse(readFileSync(0, "utf8"));

const drags = given.drags?.map(({ x, y, found, joint, by, stretch }) => {
  const pose = { x: Float64Array.from(x), y: Float64Array.from(y), found };
  moveJoint(pose, joint, by, stretch);
  return [[...pose.x], [...pose.y]];
});

const tracks = given.tracks?.map(({ edits, frames }) => {
  const [{ keys }] = tracksOf(edits).values();
  return frames.map((frame) => offsetAt(keys, frame));
});

const shown = given.texts?.map((text) => {
  const posed = new PosedMotion(readMotion(Uint8Array.from(Buffer.from(given.motion, "base64")).buffer));
  const { edits, problem } = parseEdits(text);
  posed.guess(edits, [0, posed.source.frames - 1]);
  const places = [...posed.shown.confidences.keys()].map((point) => [placeX(posed.shown, point), placeY(posed.shown, point)]);
  return { problem, places, frames: posed.unknown(edits) ?? null };
});

const changed = given.changes?.map(([before, after]) => changedFrames(before, after).map((frame) => Math.min(frame, 1e6)));

console.log(JSON.stringify({ drags, tracks, shown, changed }));
