import assert from "node:assert/strict";
import { test } from "node:test";
import {
  cardName,
  memoryWords,
  modelName,
  nowWords,
  perClipWords,
  quarantineWords,
  queueWords,
  sorted,
  split,
  todayWords,
  troubleWords,
  workersWords,
} from "../../web/js/panel/fleet_words.js";
import { random } from "./recorder.js";

const GB = 1e9;

test("names of cards and of models", () => {
  assert.equal(cardName("NVIDIA GeForce RTX 4090"), "RTX 4090");
  assert.equal(cardName("NVIDIA H100 80GB HBM3"), "H100 80GB HBM3");
  assert.equal(cardName("AMD Radeon PRO W7900"), "AMD Radeon PRO W7900");
  assert.equal(cardName("cpu"), "cpu");
  assert.equal(cardName(""), "unknown card");
  assert.equal(modelName("video/wan2.1_t2v_1.3B.safetensors"), "wan2.1_t2v_1.3B");
  assert.equal(modelName("dance.ckpt"), "dance");
});

test("memory, in one unit where it is one", () => {
  assert.equal(memoryWords({ free_memory: 20 * GB, memory: 24 * GB }), "20 of 24 GB free");
  assert.equal(memoryWords({ free_memory: 5e8, memory: 24 * GB }), "500 MB of 24 GB free");
  assert.equal(memoryWords({ free_memory: -1, memory: 24 * GB }), "0 B of 24 GB free");
  assert.equal(memoryWords({ free_memory: 0, memory: 0 }), "");
});

test("counts", () => {
  assert.equal(workersWords({ up: true, workers: [], starting: 2 }), "no worker, 2 starting");
  assert.equal(workersWords({ up: true, workers: [{}], starting: 0 }), "1 worker");
  assert.equal(workersWords({ up: true, workers: [{}, {}], starting: 1 }), "2 workers, 1 starting");
  assert.equal(workersWords({ up: false, workers: [], starting: 0 }), "not known");
  assert.equal(nowWords({ up: true, dollars_per_hour: 0.5 }), "$0.50 per hour");
  assert.equal(nowWords({ up: false, dollars_per_hour: 0 }), "not known");
  assert.equal(queueWords({ queued: 1, running: 1 }), "1 job waits, 1 runs");
  assert.equal(queueWords({ queued: 0, running: 8 }), "0 jobs wait, 8 run");
  assert.equal(todayWords({ clips: 1, dollars: 0.03 }), "$0.030, 1 clip");
  assert.equal(perClipWords({ dollars_per_clip: 0.0124 }), "$0.012");
  assert.equal(perClipWords({ dollars_per_clip: null }), "no clip yet");
});

test("trouble is said, and nothing else", () => {
  assert.equal(troubleWords({ up: true, why: "", queued: 3 }), "");
  assert.equal(troubleWords({ up: false, why: "the token is wrong.", queued: 0 }), "The fleet is down: the token is wrong.");
  assert.equal(
    troubleWords({ up: false, why: "no answer", queued: 1 }),
    "The fleet is down: no answer. 1 job waits until it is back.",
  );
  assert.equal(troubleWords({ up: false, why: "", queued: 0 }), "The fleet is down: it has not been reached yet.");
  assert.equal(quarantineWords([]), "");
  assert.equal(quarantineWords(["a", "b"]), "2 jobs are in quarantine: each has killed three workers.");
});

test("the parts of a day, of which those that are nothing are left out", () => {
  assert.deepEqual(split({ busy_seconds: 0, idle_seconds: 0, cold_seconds: 0, lost_seconds: 0 }), []);
  assert.deepEqual(split({ busy_seconds: 90, idle_seconds: 0, cold_seconds: 30, lost_seconds: 0 }), [
    { kind: "busy", share: 0.75, words: "busy 75 %", title: "1 min 30 s with batches that run or have come back" },
    { kind: "cold", share: 0.25, words: "cold 25 %", title: "30 s while workers started" },
  ]);
  const thirds = split({ busy_seconds: 1, idle_seconds: 1, cold_seconds: 1, lost_seconds: 0 });
  assert.deepEqual(thirds.map(({ words }) => words), ["busy 34 %", "idle 33 %", "cold 33 %"]);
});

test("percents add up, whatever the parts are, and are less than one from the truth", () => {
  const next = random(3);
  for (let round = 0; round < 1000; round++) {
    const some = () => (next() < 0.2 ? 0 : 10 ** (8 * next() - 2));
    const parts = split({ busy_seconds: 1 + some(), idle_seconds: some(), cold_seconds: some(), lost_seconds: some() });
    const percents = parts.map(({ words }) => Number(words.split(" ")[1]));
    assert.equal(percents.reduce((sum, part) => sum + part), 100);
    parts.forEach(({ share }, place) => assert.ok(Math.abs(percents[place] - 100 * share) < 1));
  }
});

test("those at work come first", () => {
  const worker = (name, state, card = "L4") => ({ worker: name, state, card });
  const given = [worker("a", "unusable"), worker("c", "idle"), worker("b", "idle"), worker("d", "busy"), worker("e", "idle", "A10")];
  assert.equal(sorted(given).map(({ worker }) => worker).join(""), "debca");
  assert.equal(given[0].worker, "a", "the given ones stay as they were");
});
