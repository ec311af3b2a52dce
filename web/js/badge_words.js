/** What the badges say: hit or miss, seconds, dollars. */
import { bytes, dollars, duration } from "./lib/format.js";

const joined = (...words) => words.filter(Boolean).join(" · ");
const money = (amount) => (amount ? dollars(amount) : "");

/** By node: what its outputs are called that a badge tells of, and `{state, words}` of it. */
export const BADGES = {
  FrugalHashCache: ["frugal_cache", cache],
  FrugalCostReport: ["frugal_report", report],
  FrugalCostEstimate: ["frugal_estimate", estimate],
};

function cache({ state, bytes: size, seconds, dollars: saved }) {
  if (state === "hit") return { state, words: `${joined(duration(seconds), money(saved))} saved` };
  return { state, words: state === "miss" ? `${bytes(size)} kept` : "it passes through" };
}

function report({ total_seconds: seconds, dollars: spent, stages }) {
  const cached = stages.filter((stage) => stage.cached).length;
  return { state: "cost", words: joined(duration(seconds), money(spent), cached && `${cached} of ${stages.length} cached`) };
}

function estimate({ seconds, dollars: spent, naive_seconds: naiveSeconds, naive_dollars: naive, gpu }) {
  if (seconds == null) return { state: "estimate", words: `not known yet on ${gpu}` };
  const beside = naive ? dollars(naive) : naiveSeconds ? duration(naiveSeconds) : "";
  return { state: "estimate", words: joined(duration(seconds), money(spent), beside && `naive ${beside}`) };
}
