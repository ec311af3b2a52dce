/** What the panel says of a fleet. */
import { bytes, dollars, duration, percents } from "../lib/format.js";
import { counted, listed, word } from "../lib/words.js";

const KINDS = ["busy", "idle", "cold", "lost"];
const ORDER = ["busy", "idle", "draining", "unusable"];

const waiting = (jobs) => counted(jobs, word("{count} job waits"), word("{count} jobs wait"));

/** What a worker does. */
export function stateWord(state) {
  const words = { busy: word("busy"), idle: word("idle"), draining: word("draining"), unusable: word("unusable") };
  return words[state] ?? state;
}

/** "NVIDIA GeForce RTX 4090" -> "RTX 4090": the maker is no news. */
export function cardName(card) {
  return card.replace(/^NVIDIA\s+/i, "").replace(/^GeForce\s+/i, "") || word("unknown card");
}

/** "video/wan2.1_t2v.safetensors" -> "wan2.1_t2v". */
export function modelName(file) {
  return file.split("/").at(-1).replace(/\.[a-z0-9]+$/i, "");
}

/** 20 and 24 GB -> "20 of 24 GB free"; nothing for a worker without a GPU that tells. */
export function memoryWords({ free_memory: free, memory }) {
  if (!memory) return "";
  const [part, whole] = [bytes(Math.max(free, 0)), bytes(memory)];
  const [number, unit] = part.split(" ");
  return word("{part} of {whole} free", { part: whole.endsWith(` ${unit}`) ? number : part, whole });
}

/** Why a worker is given nothing more; the server says so in English, but for what is always the same. */
export function reasonWords({ state, reason }) {
  return state === "draining" ? word("its machine is about to be taken away") : reason;
}

/** How many workers there are, and how many start. */
export function workersWords({ up, workers, starting }) {
  if (!up) return word("not known");
  const { length } = workers;
  const there = length ? counted(length, word("{count} worker"), word("{count} workers")) : word("no worker");
  return listed(there, starting && counted(starting, word("{count} starting"), word("{count} starting")));
}

/** What waits and what runs. */
export function queueWords({ queued, running }) {
  return listed(waiting(queued), counted(running, word("{count} runs"), word("{count} run")));
}

/** What the workers that live cost. */
export function nowWords({ up, dollars_per_hour: rate }) {
  return up ? word("{dollars} per hour", { dollars: dollars(rate) }) : word("not known");
}

/** What today has cost. */
export function todayWords({ clips, dollars: spent }) {
  return listed(dollars(spent), counted(clips, word("{count} clip"), word("{count} clips")));
}

/** What a clip has cost today. */
export function perClipWords({ dollars_per_clip: each }) {
  return each == null ? word("no clip yet") : dollars(each);
}

/**
 * Where the paid seconds of a day went: `{kind, share, words, title}` of each kind that there is. Shares are of 1;
 * percents are whole, and add up to 100.
 */
export function split(today) {
  const seconds = KINDS.map((kind) => Math.max(today[`${kind}_seconds`], 0));
  const all = seconds.reduce((sum, some) => sum + some, 0);
  if (!all) return [];
  const whole = wholePercents(seconds.map((some) => some / all));
  return KINDS.map((kind, place) => ({
    kind,
    share: seconds[place] / all,
    words: `${kindWord(kind)} ${percents(whole[place])}`,
    title: kindMeaning(kind, duration(seconds[place])),
  })).filter(({ share }) => share > 0);
}

function kindWord(kind) {
  return { busy: word("busy"), idle: word("idle"), cold: word("cold"), lost: word("lost") }[kind];
}

function kindMeaning(kind, time) {
  return {
    busy: word("{time} with batches that run or have come back", { time }),
    idle: word("{time} with nothing to do", { time }),
    cold: word("{time} while workers started", { time }),
    lost: word("{time} with batches that a machine took along", { time }),
  }[kind];
}

/** Rounded down, and what is missing goes to those that lost most by it. */
function wholePercents(shares) {
  const exact = shares.map((share) => 100 * share);
  const whole = exact.map(Math.floor);
  const missing = 100 - whole.reduce((sum, some) => sum + some, 0);
  const losers = exact.map((_, place) => place).sort((a, b) => exact[b] - whole[b] - (exact[a] - whole[a]));
  for (const place of losers.slice(0, missing)) whole[place]++;
  return whole;
}

/** Workers as they are listed: those at work first, then by card. */
export function sorted(workers) {
  const rank = (worker) => ORDER.indexOf(worker.state);
  return [...workers].sort(
    (a, b) => rank(a) - rank(b) || a.card.localeCompare(b.card) || (a.worker < b.worker ? -1 : 1),
  );
}

/** Why jobs do not run, or nothing to say. */
export function troubleWords({ up, why, queued }) {
  if (up) return "";
  const reason = (why || word("it has not been reached yet")).replace(/\.$/, "");
  const words = [word("The fleet is down: {reason}.", { reason })];
  const held = () => counted(queued, word("{count} job waits until it is back."), word("{count} jobs wait until it is back."));
  return (queued ? [...words, held()] : words).join(" ");
}

/** That some jobs are not tried again. */
export function quarantineWords(jobs) {
  if (!jobs.length) return "";
  return counted(
    jobs.length,
    word("{count} job is in quarantine: it has killed three workers."),
    word("{count} jobs are in quarantine: each has killed three workers."),
  );
}
