/** What pulling at an edit on the timeline makes of it, by pointer or by keys. */
import { changed, movedTo, valueOf } from "./edit_value.js";

/**
 * Pull a part of an edit along.
 * @param {object[]} edits
 * @param {number} index
 * @param {"key"|"span"|"before"|"after"|"from"|"to"} part
 * @param {number} by frames, to the right
 * @param {number} count frames of the clip
 * @param {boolean} both pull the other end as far the other way
 * @returns {{edits: object[], index: number}}
 */
export function pulled(edits, index, part, by, count, both = false) {
  const edit = edits[index];
  if (part === "key" || (part === "span" && edit.do === "hold")) return movedTo(edits, index, within(edit.frame + by, 0, count - 1));
  const fields = fieldsOf(edit, part, by, count, both);
  return { edits: changed(edits, index, fields), index };
}

function fieldsOf(edit, part, by, count, both) {
  if (part === "before" || part === "after") return fades(edit, part, part === "after" ? by : -by, count, both);
  if (edit.do === "hold") return { frames: Math.max(1, edit.frames + by) };
  if (edit.from === undefined) return {};
  const last = Math.max(count - 1, edit.from);
  const to = edit.to ?? last;
  if (part === "span") {
    const shift = within(by, -edit.from, Math.max(0, last - (edit.to ?? edit.from)));
    return { from: edit.from + shift, ...(edit.to == null ? {} : { to: to + shift }) };
  }
  const outwards = part === "to" ? by : -by;
  const from = part === "from" || both ? within(edit.from - outwards, 0, part === "from" ? to : Math.floor((edit.from + to) / 2)) : edit.from;
  const end = part === "to" || both ? within(to + outwards, from, last) : to;
  return { from, ...(edit.to == null && end === last ? {} : { to: end }) };
}

function fades(edit, part, longer, count, both) {
  const length = (name) => within(valueOf(edit, name) + longer, 1, count);
  return both ? { before: length("before"), after: length("after") } : { [part]: length(part) };
}

function within(value, least, most) {
  return Math.max(least, Math.min(value, most));
}
