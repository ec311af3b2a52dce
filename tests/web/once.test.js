import assert from "node:assert/strict";
import { test } from "node:test";
import { onceAtATime } from "../../web/js/lib/once.js";

test("what is asked for in the meantime is done once more", async () => {
  let begun = 0;
  const ends = [];
  const work = onceAtATime(() => {
    begun += 1;
    return new Promise((done) => ends.push(done));
  });
  const asked = [work(), work(), work()];
  assert.equal(begun, 1);
  ends[0]();
  await new Promise(setImmediate);
  assert.equal(begun, 2);
  ends[1]();
  await Promise.all(asked);
  assert.equal(begun, 2);
  work();
  assert.equal(begun, 3);
});

test("a failure is told to all who wait, and is not the end", async () => {
  let isBroken = true;
  const work = onceAtATime(async () => {
    if (isBroken) throw new Error("gone");
  });
  await Promise.all([assert.rejects(work(), /gone/), assert.rejects(work(), /gone/)]);
  isBroken = false;
  await work();
});
