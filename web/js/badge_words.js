/** What the badges say: hit or miss, seconds, dollars. */
import { bytes, dollars, duration } from "./lib/format.js";
import { word } from "./lib/words.js";

const joined = (...words) => words.filter(Boolean).join(" · ");
const money = (amount) => (amount ? dollars(amount) : "");

/** By node: what its outputs are called that a badge tells of, and `{state, name, words}` of it. */
export const BADGES = {
  FrugalHashCache: ["frugal_cache", cache],
  FrugalCostReport: ["frugal_report", report],
  FrugalCostEstimate: ["frugal_estimate", estimate],
};

function cache({ state, bytes: size, seconds, dollars: saved }) {
  if (state === "hit") {
    const amount = joined(duration(seconds), money(saved));
    return { state, name: word("hit"), words: word("{amount} saved", { amount }) };
  }
  if (state === "miss") return { state, name: word("miss"), words: word("{size} kept", { size: bytes(size) }) };
  return { state, name: word("not kept"), words: word("it passes through") };
}

function report({ total_seconds: seconds, dollars: spent, stages }) {
  const cached = stages.filter((stage) => stage.cached).length;
  const without = cached && word("{cached} of {stages} cached", { cached, stages: stages.length });
  return { state: "cost", name: word("cost"), words: joined(duration(seconds), money(spent), without) };
}

function estimate({ seconds, dollars: spent, naive_seconds: naiveSeconds, naive_dollars: naive, gpu }) {
  const named = { state: "estimate", name: word("estimate") };
  if (seconds == null) return { ...named, words: word("not known yet on {gpu}", { gpu }) };
  const amount = naive ? dollars(naive) : naiveSeconds ? duration(naiveSeconds) : "";
  return { ...named, words: joined(duration(seconds), money(spent), amount && word("naive {amount}", { amount })) };
}
