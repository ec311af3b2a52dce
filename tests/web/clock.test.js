import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { Clock, FilmClock } from "../../web/js/clock.js";

let coming;
beforeEach(() => {
  coming = undefined;
  globalThis.requestAnimationFrame = (act) => {
    coming = act;
    return 1;
  };
  globalThis.cancelAnimationFrame = () => (coming = undefined);
});

/** Let the browser draw at a time in milliseconds. */
function drawnAt(time) {
  const act = coming;
  coming = undefined;
  act?.(time);
}

function clock(more = {}) {
  const shown = [];
  const made = new Clock(() => shown.push(made.frame));
  made.open({ frames: 10, rate: 10, ...more });
  return { made, shown };
}

test("it plays in time, and again from the first on", () => {
  const { made } = clock();
  assert.ok(made.play(true));
  const frames = [1000, 1050, 1100, 1350, 1999, 2000].map((time) => (drawnAt(time), made.frame));
  assert.deepEqual(frames, [0, 0, 1, 3, 9, 0]);
  made.play(false);
  assert.ok(!made.playing && !coming);
});

test("without a loop it stops at the last frame, and begins anew from there", () => {
  const { made } = clock();
  made.pace({ loop: false });
  made.play(true);
  for (const time of [0, 900, 5000]) drawnAt(time);
  assert.deepEqual([made.frame, made.playing], [9, false]);
  made.play(true);
  assert.equal(made.frame, 0);
});

test("half as fast takes twice as long, also from a frame in the middle on", () => {
  const { made } = clock();
  made.seek(4);
  made.pace({ speed: 0.5 });
  made.play(true);
  assert.deepEqual([0, 190, 200, 400].map((time) => (drawnAt(time), made.frame)), [4, 4, 5, 6]);
});

test("it goes no further than there are frames, and nowhere without any", () => {
  const { made } = clock();
  made.go(-3);
  assert.equal(made.frame, 0);
  made.seek(Infinity);
  assert.equal(made.frame, 9);
  made.close();
  assert.ok(!made.seek(3) && !made.play(true));
});

/** A video element that arrives when it is told to. */
class Film extends EventTarget {
  paused = true;
  ended = false;
  seeking = false;
  sent = [];
  set currentTime(time) {
    this.sent.push(time);
    this.seeking = true;
  }
  arrive() {
    this.seeking = false;
    this.dispatchEvent(new Event("seeked"));
  }
  shows(mediaTime) {
    this.shown(0, { mediaTime });
  }
  requestVideoFrameCallback(act) {
    this.shown = act;
  }
  async play() {
    this.paused = false;
  }
  pause() {
    this.paused = true;
  }
}

/** One of a browser that does not tell of the pictures that it puts up. */
class SilentFilm extends Film {
  requestVideoFrameCallback = undefined;
  time = 0;
  get currentTime() {
    return this.time;
  }
  set currentTime(time) {
    super.currentTime = time;
  }
}

function film(made = new Film()) {
  const seen = [];
  const clock = new FilmClock(made, () => seen.push(clock.frame));
  clock.open({ frames: 10, rate: 10 });
  made.arrive();
  return { made, clock, seen };
}

test("a film is sent into the middle of a frame, which counts once it is there", () => {
  const { made, clock } = film();
  clock.seek(4);
  assert.equal(made.sent.at(-1), 0.45);
  assert.equal(clock.frame, 0);
  made.arrive();
  assert.equal(clock.frame, 4);
});

test("what is asked for while it is on its way is left out but for the last", () => {
  const { made, clock } = film();
  for (const frame of [3, 5, 7]) clock.seek(frame);
  clock.go(1);
  made.arrive();
  assert.equal(clock.frame, 0, "it is on its way again");
  made.arrive();
  assert.equal(clock.frame, 8);
  assert.deepEqual(made.sent.slice(1), [0.35, 0.85]);
});

test("while it plays its frame is the picture that is up, and where it stops it stays", () => {
  const { made, clock } = film();
  clock.pace({ speed: 2 });
  clock.play(true);
  assert.equal(made.playbackRate, 2);
  made.shows(0.3);
  assert.equal(clock.frame, 3);
  clock.play(false);
  assert.ok(made.paused);
  assert.equal(made.sent.at(-1), 0.35, "the film itself may have gone on");
  made.arrive();
  assert.equal(clock.frame, 3);
  made.shows(0.9);
  assert.equal(clock.frame, 3, "nothing plays");
});

test("where the browser does not tell of pictures, its time does", () => {
  const { made, clock, seen } = film(new SilentFilm());
  clock.play(true);
  const before = seen.length;
  for (const time of [0.31, 0.35, 0.3999, 0.4, 2]) {
    made.time = time;
    drawnAt(0);
  }
  assert.deepEqual(seen.slice(before), [3, 4, 9]);
  clock.play(false);
  assert.ok(made.paused && !coming, "nothing asks for its time any more");
  made.arrive();
  clock.seek(2);
  made.arrive();
  assert.equal(clock.frame, 2);
});
