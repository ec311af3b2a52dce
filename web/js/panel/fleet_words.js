/** What the panel says of a fleet. */
import { bytes, dollars, duration } from "../lib/format.js";

const KINDS = ["busy", "idle", "cold", "lost"];
const NOT_KNOWN = "not known";
const ORDER = ["busy", "idle", "draining", "unusable"];
const MEANINGS = {
  busy: "with batches that run or have come back",
  idle: "with nothing to do",
  cold: "while workers started",
  lost: "with batches that a machine took along",
};

const counted = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;

/** "NVIDIA GeForce RTX 4090" -> "RTX 4090": the maker is no news. */
export function cardName(card) {
  return card.replace(/^NVIDIA\s+/i, "").replace(/^GeForce\s+/i, "") || "unknown card";
}

/** "video/wan2.1_t2v.safetensors" -> "wan2.1_t2v". */
export function modelName(file) {
  return file.split("/").at(-1).replace(/\.[a-z0-9]+$/i, "");
}

/** 20 and 24 GB -> "20 of 24 GB free"; nothing for a worker without a GPU that tells. */
export function memoryWords({ free_memory: free, memory }) {
  if (!memory) return "";
  const [freeWords, allWords] = [bytes(Math.max(free, 0)), bytes(memory)];
  const [number, unit] = freeWords.split(" ");
  return `${allWords.endsWith(` ${unit}`) ? number : freeWords} of ${allWords} free`;
}

/** How many workers there are, and how many start. */
export function workersWords({ up, workers, starting }) {
  if (!up) return NOT_KNOWN;
  const there = workers.length ? counted(workers.length, "worker") : "no worker";
  return starting ? `${there}, ${starting} starting` : there;
}

/** What waits and what runs. */
export function queueWords({ queued, running }) {
  return `${counted(queued, "job")} ${queued === 1 ? "waits" : "wait"}, ${running} ${running === 1 ? "runs" : "run"}`;
}

/** What the workers that live cost. */
export function nowWords({ up, dollars_per_hour: rate }) {
  return up ? `${dollars(rate)} per hour` : NOT_KNOWN;
}

/** What today has cost. */
export function todayWords({ clips, dollars: spent }) {
  return `${dollars(spent)}, ${counted(clips, "clip")}`;
}

/** What a clip has cost today. */
export function perClipWords({ dollars_per_clip: each }) {
  return each == null ? "no clip yet" : dollars(each);
}

/**
 * Where the paid seconds of a day went: `{kind, share, words, title}` of each kind that there is. Shares are of 1;
 * percents are whole, and add up to 100.
 */
export function split(today) {
  const seconds = KINDS.map((kind) => Math.max(today[`${kind}_seconds`], 0));
  const all = seconds.reduce((sum, some) => sum + some, 0);
  if (!all) return [];
  const percents = wholePercents(seconds.map((some) => some / all));
  return KINDS.map((kind, place) => ({
    kind,
    share: seconds[place] / all,
    words: `${kind} ${percents[place]} %`,
    title: `${duration(seconds[place])} ${MEANINGS[kind]}`,
  })).filter(({ share }) => share > 0);
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
  const waiting = queued ? ` ${counted(queued, "job")} ${queued === 1 ? "waits" : "wait"} until it is back.` : "";
  return `The fleet is down: ${(why || "it has not been reached yet").replace(/\.$/, "")}.${waiting}`;
}

/** That some jobs are not tried again. */
export function quarantineWords(jobs) {
  if (!jobs.length) return "";
  return `${counted(jobs.length, "job")} ${jobs.length === 1 ? "is" : "are"} in quarantine: each has killed three workers.`;
}
