/** The clip behind the skeletons: sheets of small pictures, fetched when they are first looked at. */
import { fetchFile } from "../in_node.js";
import { pictureOf } from "./film_picture.js";

const KEPT = 4; // sheets in memory

export class Film {
  /**
   * @param {{files: object[], columns: number, rows: number, width: number, height: number, step: number, count: number}} film
   * @param {() => void} came a sheet has been fetched
   */
  constructor(film, came) {
    this.film = film;
    this.came = came;
    this.sheets = new Map();
  }

  /** Draw the picture of a frame into a box, as soon as it is there. */
  draw(context, frame, box) {
    if (!this.film.count) return;
    const { sheet, column, row } = pictureOf(this.film, frame);
    const bitmap = this.sheet(sheet);
    if (!bitmap) return;
    const { width, height } = this.film;
    context.drawImage(bitmap, column * width, row * height, width, height, box.x, box.y, box.width, box.height);
  }

  sheet(number) {
    const found = this.sheets.get(number);
    this.sheets.delete(number); // the latest is the last to go
    this.sheets.set(number, found ?? this.fetch(number));
    for (const [old, sheet] of this.sheets) {
      if (this.sheets.size <= KEPT) break;
      this.sheets.delete(old);
      sheet.bitmap?.close();
    }
    return this.sheets.get(number).bitmap;
  }

  fetch(number) {
    const sheet = {};
    const ready = async () => {
      const bitmap = await createImageBitmap(new Blob([await fetchFile(this.film.files[number])]));
      if (this.sheets.get(number) !== sheet) return bitmap.close();
      sheet.bitmap = bitmap;
      this.came();
    };
    ready().catch(() => {}); // people can be moved without it
    return sheet;
  }

  end() {
    for (const sheet of this.sheets.values()) sheet.bitmap?.close();
    this.sheets.clear();
  }
}
