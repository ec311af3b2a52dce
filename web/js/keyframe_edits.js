/** Changes to a keyframe plan by hand, such as "+12 -20"; nodes/keyframes/edits.py says the same in Python. */

/**
 * Read edits.
 * @param {string} text
 * @returns {{wanted: Map<number, boolean>, wrong: string[]}} frames to add (true) and to remove, and words that are no
 *   edits or contradict others
 */
export function parseEdits(text) {
  const wanted = new Map();
  const wrong = [];
  for (const word of text.replaceAll(",", " ").split(/\s+/).filter(Boolean)) {
    const [, sign, digits] = /^([+-])(\d{1,9})$/.exec(word) ?? [];
    const frame = Number(digits);
    if (!sign || (wanted.has(frame) && wanted.get(frame) !== (sign === "+"))) wrong.push(word);
    else wanted.set(frame, sign === "+");
  }
  return { wanted, wrong };
}

/** Edits as text, by frame. */
export function formatEdits(wanted) {
  const sorted = [...wanted].sort(([a], [b]) => a - b);
  return sorted.map(([frame, add]) => `${add ? "+" : "-"}${frame}`).join(" ");
}

/** The frames of a plan with its edits, ascending. */
export function applyEdits(planned, wanted) {
  const frames = new Set([...planned, ...wanted.keys()]);
  return [...frames].filter((frame) => wanted.get(frame) ?? true).sort((a, b) => a - b);
}

/** The text of edits after a click on a frame: a keyframe is removed, any other frame becomes one. */
export function toggleFrame(planned, text, frame) {
  const { wanted } = parseEdits(text);
  const inPlan = planned.includes(frame);
  const keep = !(wanted.get(frame) ?? inPlan);
  wanted.delete(frame);
  if (keep !== inPlan) wanted.set(frame, keep);
  return formatEdits(wanted);
}

/** Whether a frame is the first or last of a shot, which is always a keyframe. */
export function isShotEnd({ frame_count: count, cuts }, frame) {
  return frame === 0 || frame === count - 1 || cuts.includes(frame) || cuts.includes(frame + 1);
}

/** Frames of edits that lie outside the clip. */
export function outside(wanted, count) {
  return [...wanted.keys()].filter((frame) => frame >= count);
}
