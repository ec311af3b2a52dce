/** Edits that buttons and keys make. Pure: each gives edits back. */
import { changed, keyAt, moveBy, valueOf, withEdit, without } from "./edit_value.js";
import { offsetAt, tracksOf } from "./tracks.js";

/** Move a joint from where it is at a frame now; what the keys beside make of it there is kept. A new key fades within a marked span. */
export function movedFrom(edits, { by, ...move }, span) {
  if (keyAt(edits, move) >= 0) return moveBy(edits, { ...move, by });
  const keys = tracksOf(edits).get(`${move.person} ${move.joint}`)?.keys ?? [];
  const [x, y] = offsetAt(keys, move.frame);
  return moveBy(edits, { ...move, ...fadeWithin(span, move.frame), by: [x + by[0], y + by[1]] });
}

/** How a key at a frame fades if nothing outside of a marked span is to change; nothing to say for one that is not in it. */
export function fadeWithin(span, frame) {
  if (!span || frame < span[0] || frame > span[1]) return {};
  return { before: frame - span[0] + 1, after: span[1] - frame + 1 };
}

/** Hide a joint in frames; spans that touch become one. */
export function hiding(edits, person, joint, [from, to]) {
  return joining(edits, { do: "hide", person, joint, from, to });
}

/** Show a joint in frames: where it was hidden by hand that ends, elsewhere its place is found between its neighbours. */
export function showing(edits, person, joint, [from, to]) {
  const overlaps = (edit) => edit.from <= to && edit.to >= from;
  const hides = (edit) => edit.do === "hide" && !edit.off && edit.person === person && edit.joint === joint && overlaps(edit);
  if (!edits.some(hides)) return joining(edits, { do: "show", person, joint, from, to });
  return edits.flatMap((edit) => {
    if (!hides(edit)) return [edit];
    const rest = [];
    if (edit.from < from) rest.push({ ...edit, to: from - 1 });
    if (edit.to > to) rest.push({ ...edit, from: to + 1 });
    return rest;
  });
}

function joining(edits, wanted) {
  const touches = (edit) => {
    const same = edit.do === wanted.do && !edit.off && edit.person === wanted.person && edit.joint === wanted.joint;
    return same && edit.from <= wanted.to + 1 && edit.to >= wanted.from - 1;
  };
  const others = edits.filter(touches);
  const from = Math.min(wanted.from, ...others.map((edit) => edit.from));
  const to = Math.max(wanted.to, ...others.map((edit) => edit.to));
  return withEdit(edits.filter((edit) => !touches(edit)), { ...wanted, from, to });
}

/** Put a pose at a frame, in place of one that was put there before. */
export function pasting(edits, { frame, person }, copy) {
  const others = edits.filter((edit) => edit.do !== "pose" || edit.frame !== frame || edit.person !== person);
  const pose = { do: "pose", frame, of: copy.frame, person };
  return withEdit(others, copy.person === person ? pose : { ...pose, of_person: copy.person });
}

/** Hold the pose of a frame for so many frames more than it is held already. */
export function holding(edits, frame, frames) {
  const index = edits.findIndex((edit) => edit.do === "hold" && edit.frame === frame && !edit.off);
  if (index < 0) return withEdit(edits, { do: "hold", frame, frames });
  return changed(edits, index, { frames: edits[index].frames + frames });
}

/** Play frames so many times as fast as they play already; back at their own speed, the edit is gone. */
export function speeding(edits, [from, to], times) {
  const index = edits.findIndex((edit) => edit.do === "speed" && edit.from === from && edit.to === to && !edit.off);
  if (index < 0) return withEdit(edits, { do: "speed", from, to, factor: times });
  const factor = Math.max(0.1, Math.min(edits[index].factor * times, 10));
  return Math.abs(factor - 1) < 1e-6 ? without(edits, index) : changed(edits, index, { factor });
}

/** An edit, or none if there is just such a one already: a second press takes back the first. */
export function toggled(edits, edit) {
  const fields = Object.keys(edit);
  const index = edits.findIndex((other) => fields.every((name) => valueOf(other, name) === edit[name]));
  return index < 0 ? withEdit(edits, edit) : without(edits, index);
}

/** The frames around one in which a joint is missing, `[first, last]`; just that frame if it is there. */
export function gapAround({ frames, people, joints, confidences }, frame, person, joint) {
  const missing = (at) => at >= 0 && at < frames && !confidences[(at * people + person - 1) * joints + joint];
  if (!missing(frame)) return [frame, frame];
  let [from, to] = [frame, frame];
  while (missing(from - 1)) from--;
  while (missing(to + 1)) to++;
  return [from, to];
}
