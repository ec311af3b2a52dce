/** Draws a timeline of edits: ruler, troubles, keys with the spans over which they fade, spans, and the whole clip in small. */
import { COLOURS } from "../draw_motion.js";
import { shortWords } from "./edit_words.js";
import { KEYS, OVERVIEW, SPAN, handlesOf, isJoined, lowest, sidesOf, thinned, tops } from "./timeline_lanes.js";
import { MARGIN, Scale, rulerOf, secondsLabel, wholeView } from "./timeline_scale.js";

export const TROUBLE_COLOURS = {
  jump: "#e5484d",
  bone: "#d95fd0",
  swap: "#8b6cf0",
  unsure: "#a08a10",
  gap: "#8c8c8c",
  slide: "#12b5c9",
};
const EVERYONE = "#8c8c8c";
const OF_TIME = { hold: "#21b573", speed: "#21b573", delete: "#e5484d" };
const DIAMOND = 5;
const SMALL = 3;
const APART = 1.5; // pixels: what lies closer is not drawn twice
const FAINT = 0.35;
const LETTER = 6; // pixels of width, about
const FLAG = 14; // half of the playhead's number
const FONT = "10px Inter, system-ui, sans-serif";

/**
 * Draw it.
 * @param {CanvasRenderingContext2D} context
 * @param {number} width
 * @param {import("./timeline_scale.js").Scale} scale
 * @param {object} lanes as `lanesOf` gives them
 * @param {{frame: number, rate: number, selected: number, span: ?number[], person: number, hover: ?object}} state
 * @param {{ink: string, paper: string}} look colours of texts and of what is behind them
 */
export function drawTimeline(context, width, scale, lanes, state, look) {
  const top = tops(lanes);
  context.font = FONT;
  context.textBaseline = "alphabetic";
  drawChosenSpan(context, scale, state.span, top, look);
  drawRuler(context, scale, state, top, look);
  drawTroubles(context, scale, lanes.troubles, state, top.troubles);
  drawFades(context, scale, lanes, top.keys);
  drawKeys(context, scale, lanes, state, top.keys, look);
  lanes.rows.forEach((row, place) => drawSpans(context, scale, row, state, top.spans + place * SPAN, look));
  drawOverview(context, width, scale, lanes, state, top.overview, look);
  drawPlayhead(context, scale, state, top, look);
  context.globalAlpha = 1;
}

/** A person's as everywhere; of edits that change time there are others. */
function colourOf(edit) {
  return OF_TIME[edit.do] ?? (edit.person ? COLOURS[(edit.person - 1) % COLOURS.length] : EVERYONE);
}

function drawChosenSpan(context, scale, span, top, { ink }) {
  if (!span) return;
  const [left, right] = sidesOf({ from: span[0], to: span[1] }, scale);
  context.fillStyle = ink;
  context.globalAlpha = 0.1;
  context.fillRect(left, 0, right - left, top.overview - 2);
  context.globalAlpha = 0.7;
  for (const x of [left, right]) context.fillRect(x - 1, 0, 2, top.troubles);
  context.globalAlpha = 1;
}

function drawRuler(context, scale, { rate, frame }, top, { ink }) {
  const playhead = scale.x(frame);
  const { labels, ticks, seconds } = rulerOf(scale, rate);
  context.fillStyle = ink;
  context.textAlign = "center";
  context.globalAlpha = 0.25;
  for (const frame of ticks) context.fillRect(scale.x(frame) - 0.5, top.troubles - 4, 1, 4);
  context.globalAlpha = 0.5;
  for (const frame of labels) context.fillRect(scale.x(frame) - 0.5, top.troubles - 6, 1, 6);
  context.fillRect(MARGIN / 2, top.troubles - 0.5, scale.width - MARGIN, 0.5);
  context.globalAlpha = 0.8;
  for (const frame of labels) label(String(frame), scale.x(frame), 10, FLAG);
  context.globalAlpha = 0.5;
  for (const second of seconds) label(secondsLabel(second), scale.x(second * rate), 20, 0);
  context.globalAlpha = 1;

  /** About a place, but not cut off, and not where the playhead is. */
  function label(text, x, y, flag) {
    const half = (text.length * LETTER) / 2;
    const middle = Math.max(half, Math.min(x, scale.width - half));
    if (Math.abs(middle - playhead) > half + flag) context.fillText(text, middle, y);
  }
}

function drawTroubles(context, scale, troubles, { person, hover }, top) {
  for (let place = troubles.length - 1; place >= 0; place--) { // the worst last: they are seen
    const trouble = troubles[place];
    const [left, right] = sidesOf(trouble, scale);
    if (right < 0 || left > scale.width) continue;
    const tall = 4 + 5 * trouble.badness;
    context.fillStyle = TROUBLE_COLOURS[trouble.kind] ?? TROUBLE_COLOURS.gap;
    context.globalAlpha = hover?.trouble === trouble ? 1 : !person || trouble.person === person ? 0.85 : FAINT;
    box(context, left, top + 12 - tall, Math.max(2, right - left - 0.5), tall, 1.5);
    context.fill();
  }
  context.globalAlpha = 1;
}

/** Where the joint's keys count: hills that run into each other where keys are joined. */
function drawFades(context, scale, { track, reach }, top) {
  if (!track.length) return;
  const [low, high] = [top + KEYS - 5, top + 5];
  const start = Math.max(0, lowest(track, scale.first - reach) - 1);
  const end = Math.min(track.length, lowest(track, scale.last + reach) + 1);
  let last = -Infinity;
  context.fillStyle = colourOf(track[0].edit);
  context.globalAlpha = 0.22;
  context.beginPath();
  for (let place = start; place < end; place++) {
    const key = track[place];
    const x = scale.x(key.from);
    const [up, down] = [!isJoined(track, place), !isJoined(track, place + 1)];
    if (!up && !down && place > start && place < end - 1 && x - last < APART) continue;
    last = x;
    if (up) rise(context, scale.x(key.from - key.before), low, x, high);
    else if (place === start) rise(context, x, low, x, high); // out of sight
    else context.lineTo(x, high);
    if (down) ease(context, x, high, scale.x(key.from + key.after), low);
    else if (place === end - 1) context.lineTo(x, low);
  }
  context.fill();
  context.globalAlpha = 1;
}

function rise(context, x0, y0, x1, y1) {
  context.moveTo(x0, y0);
  ease(context, x0, y0, x1, y1);
}

function ease(context, x0, y0, x1, y1) {
  const middle = (x0 + x1) / 2;
  context.bezierCurveTo(middle, y0, middle, y1, x1, y1);
}

function drawKeys(context, scale, { keys, strong, weak }, { selected, hover }, top, { ink, paper }) {
  const y = top + KEYS / 2;
  for (const key of thinned(weak, scale, APART)) drawKey(context, key, scale.x(key.from), y, SMALL, 0.5);
  for (const key of thinned(strong, scale, APART)) drawKey(context, key, scale.x(key.from), y, DIAMOND, 1);
  const item = hover?.item;
  if (item?.strong && hover.part === "key") ring(context, item, scale.x(item.from), y, ink, 0.5);
  const chosen = selected < 0 ? undefined : keys.find(({ index }) => index === selected);
  if (!chosen) return;
  const x = scale.x(chosen.from);
  drawHandles(context, chosen, scale, y, ink);
  context.fillStyle = paper;
  shape(context, chosen.edit, x, y, DIAMOND + 3);
  context.fill();
  drawKey(context, chosen, x, y, DIAMOND, 1);
  ring(context, chosen, x, y, ink, 1);
}

function drawKey(context, { edit, off, why }, x, y, size, opacity) {
  context.globalAlpha = opacity * (off ? FAINT : 1);
  context.fillStyle = context.strokeStyle = colourOf(edit);
  context.lineWidth = 1.2;
  shape(context, edit, x, y, size);
  if (why === undefined) context.fill();
  else {
    context.stroke();
    hatch(context, x - size / 2, y - size / 2, size, size, 3);
  }
  context.globalAlpha = 1;
}

/** A diamond; a pose, which is of all joints, is a square. */
function shape(context, edit, x, y, size) {
  context.beginPath();
  if (edit.do === "pose") {
    context.rect(x - size * 0.8, y - size * 0.8, size * 1.6, size * 1.6);
    return;
  }
  for (const [dx, dy] of [[0, -size], [size, 0], [0, size], [-size, 0]]) context.lineTo(x + dx, y + dy);
  context.closePath();
}

function ring(context, { edit }, x, y, ink, opacity) {
  context.strokeStyle = ink;
  context.lineWidth = 1.5;
  context.globalAlpha = opacity;
  shape(context, edit, x, y, DIAMOND + 2.5);
  context.stroke();
  context.globalAlpha = 1;
}

function drawHandles(context, key, scale, y, ink) {
  context.strokeStyle = colourOf(key.edit);
  context.lineWidth = 1;
  const [before, after] = handlesOf(key, scale);
  line(context, before, y, after, y);
  context.fillStyle = ink;
  for (const x of [before, after]) {
    box(context, x - 1.5, y - 6, 3, 12, 1.5);
    context.fill();
  }
}

function drawSpans(context, scale, row, { selected, hover }, top, { ink }) {
  for (const span of thinned(row, scale, APART)) draw(span);
  const chosen = selected < 0 ? undefined : row.find(({ index }) => index === selected);
  if (chosen) draw(chosen);
  context.globalAlpha = 1;

  function draw(span) {
    const [left, right] = sidesOf(span, scale);
    const chosen = span.index === selected;
    drawSpan(context, span, Math.max(left, -4), Math.min(right, scale.width + 4), top, { chosen, near: hover?.item === span, ink });
  }
}

function drawSpan(context, { edit, off, why }, left, right, top, { chosen, near, ink }) {
  const [wide, tall] = [right - left - 1, SPAN - 3];
  const fade = off ? FAINT : 1;
  context.fillStyle = context.strokeStyle = colourOf(edit);
  box(context, left + 0.5, top + 1.5, wide, tall, 3);
  context.globalAlpha = fade * (why === undefined ? (near || chosen ? 0.45 : 0.3) : 0.08);
  context.fill();
  if (why !== undefined) {
    context.globalAlpha = fade * 0.6;
    context.lineWidth = 1;
    hatch(context, left + 0.5, top + 1.5, wide, tall, 5);
  }
  context.globalAlpha = fade * (chosen ? 1 : 0.8);
  context.lineWidth = chosen ? 1.5 : 1;
  if (chosen) context.strokeStyle = ink;
  box(context, left + 0.5, top + 1.5, wide, tall, 3);
  context.stroke();
  if (wide > 24) words(context, shortWords(edit), Math.max(left, 0), right, top + 12, ink, fade);
}

function words(context, text, left, right, y, ink, fade) {
  context.save();
  context.beginPath();
  context.rect(left + 3, y - 12, right - left - 6, 16);
  context.clip();
  context.fillStyle = ink;
  context.globalAlpha = fade * 0.95;
  context.textAlign = "left";
  context.fillText(text, left + 5, y);
  context.restore();
}

/** Slanting lines in a box. */
function hatch(context, x, y, wide, tall, step) {
  context.save();
  context.beginPath();
  context.rect(x, y, wide, tall);
  context.clip();
  context.beginPath();
  for (let at = x - tall; at < x + wide; at += step) {
    context.moveTo(at, y + tall);
    context.lineTo(at + tall, y);
  }
  context.stroke();
  context.restore();
}

/** All of the clip in a narrow bar, and which part of it is above. */
function drawOverview(context, width, scale, lanes, { frame, span }, top, { ink }) {
  const across = width - 2 * MARGIN;
  const all = new Scale(scale.count, width, wholeView(scale.count));
  const x = (at) => all.x(at);
  const tall = OVERVIEW - 4;
  context.fillStyle = ink;
  context.globalAlpha = 0.12;
  box(context, MARGIN, top, across, tall, 3);
  context.fill();
  if (span) context.fillRect(x(span[0]), top, Math.max(2, x(span[1]) - x(span[0])), tall);
  context.globalAlpha = 0.7;
  for (const trouble of lanes.troubles.slice(0, 100)) {
    context.fillStyle = TROUBLE_COLOURS[trouble.kind] ?? TROUBLE_COLOURS.gap;
    context.fillRect(x(trouble.from) - 0.5, top + 0.5, Math.max(1.5, x(trouble.to) - x(trouble.from)), 2.5);
  }
  for (const { edit, from } of thinned(lanes.keys, all, 2 * APART)) {
    context.fillStyle = colourOf(edit);
    context.fillRect(x(from) - 0.75, top + 3.5, 1.5, 3);
  }
  context.fillStyle = context.strokeStyle = ink;
  if (scale.across < scale.count - 1) {
    context.globalAlpha = 0.2;
    box(context, x(scale.from), top, Math.max(6, x(scale.from + scale.across) - x(scale.from)), tall, 3);
    context.fill();
    context.globalAlpha = 0.6;
    context.lineWidth = 1;
    context.stroke();
  }
  context.globalAlpha = 0.9;
  context.fillRect(x(frame) - 0.5, top, 1, tall);
  context.globalAlpha = 1;
}

function drawPlayhead(context, scale, { frame }, top, { ink, paper }) {
  const x = scale.x(frame);
  if (x < -1 || x > scale.width + 1) return;
  context.fillStyle = ink;
  context.fillRect(x - 0.5, 12, 1, top.overview - 14);
  const text = String(frame);
  const wide = text.length * LETTER + 8;
  const left = Math.max(0, Math.min(x - wide / 2, scale.width - wide));
  box(context, left, 0, wide, 13, 4);
  context.fill();
  context.fillStyle = paper;
  context.textAlign = "center";
  context.fillText(text, left + wide / 2, 10);
}

function line(context, x0, y0, x1, y1) {
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.stroke();
}

function box(context, x, y, wide, tall, round) {
  context.beginPath();
  context.roundRect(x, y, Math.max(0, wide), tall, round);
}
