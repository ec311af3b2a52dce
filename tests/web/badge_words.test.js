import assert from "node:assert/strict";
import { test } from "node:test";
import { BADGES } from "../../web/js/badge_words.js";

const said = (node, told) => {
  const { name, words } = BADGES[node][1](told);
  return `${name}: ${words}`;
};

test("what has come of a cache's value", () => {
  const entry = { bytes: 4_200_000, seconds: 83, dollars: 0.0123 };
  assert.equal(said("FrugalHashCache", { state: "hit", ...entry }), "hit: 1 min 23 s · $0.012 saved");
  assert.equal(said("FrugalHashCache", { state: "hit", ...entry, dollars: 0 }), "hit: 1 min 23 s saved");
  assert.equal(said("FrugalHashCache", { state: "miss", ...entry }), "miss: 4.2 MB kept");
  assert.equal(said("FrugalHashCache", { state: "not kept", bytes: 0, seconds: 0, dollars: 0 }), "not kept: it passes through");
});

test("what a run has cost", () => {
  const stages = [{ cached: true }, { cached: false }];
  assert.equal(said("FrugalCostReport", { total_seconds: 12.3, dollars: 0.004, stages }), "cost: 12 s · $0.0040 · 1 of 2 cached");
  assert.equal(said("FrugalCostReport", { total_seconds: 0, dollars: 0, stages: [] }), "cost: 0.0 s");
});

test("what a run will cost", () => {
  const told = { gpu: "L4", seconds: 12, dollars: 0.004, naive_seconds: 600, naive_dollars: 0.2 };
  assert.equal(said("FrugalCostEstimate", told), "estimate: 12 s · $0.0040 · naive $0.20");
  assert.equal(said("FrugalCostEstimate", { ...told, dollars: null, naive_dollars: null }), "estimate: 12 s · naive 10 min 0 s");
  assert.equal(said("FrugalCostEstimate", { ...told, seconds: null }), "estimate: not known yet on L4");
});
