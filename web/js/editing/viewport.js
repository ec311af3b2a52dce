/** Which part of the frame a canvas shows. */
import { fitted } from "../draw_motion.js";

const MARGIN = 4;
const LARGEST = 16;

export class Viewport {
  constructor() {
    this.fit();
  }

  fit() {
    Object.assign(this, { zoom: 1, x: 0, y: 0 }); // x, y: how far the middle is off the canvas's, in frames
  }

  /** Where the frame lies on a canvas of a size in CSS pixels. */
  box(motion, width, height) {
    const whole = fitted(motion, width, height, MARGIN);
    const [across, down] = [whole.width * this.zoom, whole.height * this.zoom];
    return { x: width / 2 - (0.5 + this.x) * across, y: height / 2 - (0.5 + this.y) * down, width: across, height: down };
  }

  /** Zoom about a point of the canvas, which stays. */
  zoomAt(motion, [width, height], [px, py], factor) {
    const before = this.box(motion, width, height);
    const point = [(px - before.x) / before.width, (py - before.y) / before.height];
    this.zoom = Math.max(1, Math.min(this.zoom * factor, LARGEST));
    if (this.zoom === 1) return this.fit();
    const after = this.box(motion, width, height);
    this.x += point[0] - (px - after.x) / after.width;
    this.y += point[1] - (py - after.y) / after.height;
  }

  /** Move by CSS pixels. */
  pan(box, dx, dy) {
    const limit = (value) => Math.max(-0.6, Math.min(value, 0.6));
    this.x = limit(this.x - dx / box.width);
    this.y = limit(this.y - dy / box.height);
  }
}
