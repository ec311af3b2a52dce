import assert from "node:assert/strict";
import { test } from "node:test";
import "./scripts_of_editor.js";

const { EditSession } = await import("../../web/js/editing/edit_session.js");

const FILE = { filename: "a.motion", subfolder: "", type: "temp" };
const MOVE = [{ do: "move", frame: 3, person: 1, joint: "left_wrist", by: [0.1, 0] }];

/** One person of 18 joints in the file's format. */
function packed(frames) {
  const points = frames * 18;
  const view = new DataView(new ArrayBuffer(36 + 5 * points));
  view.setUint32(0, 0x31504d46, true);
  [frames, frames, 1, 64, 64].forEach((value, at) => view.setUint32(4 + 4 * at, value, true));
  view.setUint16(24, 1, true);
  view.setUint16(26, 18, true);
  view.setFloat64(28, 25, true);
  new Uint8Array(view.buffer, 36 + 4 * points).fill(255);
  return view.buffer;
}

/** Load what a run has sent and show edits; the questions that the server got until all is quiet. */
async function questions(context, told, edits, text) {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const asked = [];
  globalThis.fetchApi = async (url, options) => {
    if (!options) return { ok: true, arrayBuffer: async () => packed(10) };
    const question = JSON.parse(options.body);
    asked.push(question);
    const motion = Buffer.from(packed(1)).toString("base64");
    const answer = question.want === "troubles" ? { troubles: [{ kind: "gap" }] } : { first: 0, motion, notes: [] };
    return { ok: true, status: 200, json: async () => answer };
  };
  const session = new EditSession(() => {});
  await session.load(told);
  session.sync(edits, text, false);
  for (let pause = 0; pause < 5; pause++) {
    context.mock.timers.tick(1000);
    await new Promise(setImmediate);
  }
  return { session, asked };
}

test("edits are asked for, and where they leave troubles", async (context) => {
  const { session, asked } = await questions(context, { motion: FILE, troubles: [], notes: [], film: null }, MOVE, "edits");
  assert.deepEqual(asked.map(({ want }) => want), ["posed", "troubles"]);
  assert.deepEqual(session.troubles, [{ kind: "gap" }]);
});

test("troubles that the run has found for the same edits are not looked for again", async (context) => {
  const told = { motion: FILE, edits: "edits", troubles: [{ kind: "jump" }], notes: [], film: null };
  const { session, asked } = await questions(context, told, MOVE, "edits");
  assert.deepEqual(asked.map(({ want }) => want), ["posed"]);
  assert.deepEqual(session.troubles, [{ kind: "jump" }]);
});

test("where nobody watched the run, troubles are asked for without edits, too", async (context) => {
  const { session, asked } = await questions(context, { motion: FILE, troubles: null, notes: [], film: null }, [], "");
  assert.deepEqual(asked, [{ motion: FILE, edits: "", want: "troubles" }]);
  assert.deepEqual(session.troubles, [{ kind: "gap" }]);
});

test("an answer for edits that are taken back meanwhile is not shown", async (context) => {
  const { session } = await questions(context, { motion: FILE, troubles: [], notes: [], film: null }, [], "");
  const before = session.motion.places.slice();
  session.sync(MOVE, "edits", false);
  session.sync([], "", false);
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  assert.deepEqual(session.motion.places, before);
  assert.deepEqual(session.posed.toldEdits, []);
});
