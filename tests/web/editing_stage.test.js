import assert from "node:assert/strict";
import test from "node:test";
import { pictureOf } from "../../web/js/editing/film_picture.js";
import { handles, under } from "../../web/js/editing/hit.js";
import { Viewport } from "../../web/js/editing/viewport.js";
import { placeX, placeY } from "../../web/js/motion_file.js";

const BOX = { x: 10, y: 20, width: 200, height: 400 };

/** Two people side by side, joints 0.03 apart, hands small. */
function motion(joints = 60) {
  const places = [];
  for (const person of [0, 1]) {
    for (let joint = 0; joint < joints; joint++) {
      const small = joint >= 18;
      places.push(0.2 + 0.4 * person + (small ? 0.002 * joint : 0.03 * (joint % 5)), 0.1 + (small ? 0.5 : 0.04 * joint));
    }
  }
  const packed = Uint16Array.from(places, (place) => Math.round((place + 0.5) * 32767.5));
  return { frames: 1, people: 2, joints, width: 100, height: 200, places: packed, confidences: new Uint8Array(2 * joints).fill(255) };
}

const at = (shown, point) => [BOX.x + placeX(shown, point) * BOX.width, BOX.y + placeY(shown, point) * BOX.height];

test("the nearest joint within ten pixels is found, of either person", () => {
  const shown = motion();
  const [x, y] = at(shown, 4);
  assert.deepEqual(under(shown, 0, BOX, [x + 6, y + 3]), { person: 1, joint: "right_wrist" });
  const [otherX, otherY] = at(shown, 60 + 4);
  assert.deepEqual(under(shown, 0, BOX, [otherX, otherY - 7]), { person: 2, joint: "right_wrist" });
  assert.equal(under(shown, 0, BOX, [0, 0]), undefined);
});

test("a missing joint is not found", () => {
  const shown = motion();
  shown.confidences[4] = 0;
  assert.notDeepEqual(under(shown, 0, BOX, at(shown, 4)), { person: 1, joint: "right_wrist" });
});

test("a hand's joints are found once it is large", () => {
  const shown = motion();
  const near = { x: 0, y: 0, width: 4000, height: 8000 };
  const point = 18 + 4;
  const place = [placeX(shown, point) * near.width, placeY(shown, point) * near.height];
  assert.deepEqual(under(shown, 0, near, place), { person: 1, joint: "left_hand_4" });
  assert.notEqual(under(shown, 0, BOX, at(shown, point))?.joint.slice(0, 9), "left_hand");
});

test("the chosen person has a handle for the whole", () => {
  const shown = motion();
  const { body, pelvis } = handles(shown, 0, 1, BOX);
  assert.deepEqual(under(shown, 0, BOX, body, { person: 1 }), { person: 1, joint: "body" });
  assert.equal(under(shown, 0, BOX, body, { person: 2 }), undefined);
  assert.equal(pelvis.length, 2);
});

test("zooming keeps the point under the pointer, and ends at the whole frame", () => {
  const view = new Viewport();
  const size = [300, 400];
  const before = view.box(motion(), ...size);
  const pointer = [120, 250];
  const point = [(pointer[0] - before.x) / before.width, (pointer[1] - before.y) / before.height];
  view.zoomAt(motion(), size, pointer, 3);
  const after = view.box(motion(), ...size);
  assert.ok(Math.abs(after.width / before.width - 3) < 1e-9);
  assert.ok(Math.abs(after.x + point[0] * after.width - pointer[0]) < 1e-9);
  assert.ok(Math.abs(after.y + point[1] * after.height - pointer[1]) < 1e-9);
  view.zoomAt(motion(), size, pointer, 0.01);
  assert.deepEqual(view.box(motion(), ...size), before);
});

test("a film's picture is found on its sheet", () => {
  const film = { columns: 6, rows: 6, step: 2, count: 50 };
  assert.deepEqual(pictureOf(film, 0), { sheet: 0, column: 0, row: 0 });
  assert.deepEqual(pictureOf(film, 15), { sheet: 0, column: 1, row: 1 });
  assert.deepEqual(pictureOf(film, 72), { sheet: 1, column: 0, row: 0 });
  assert.deepEqual(pictureOf(film, 999), { sheet: 1, column: 1, row: 2 });
});
