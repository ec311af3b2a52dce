/** Where a film keeps the picture of a frame. */

/** Which picture of a film shows a frame: `{sheet, column, row}`. */
export function pictureOf({ columns, rows, step, count }, frame) {
  const picture = Math.min(Math.floor(frame / step), count - 1);
  const place = picture % (columns * rows);
  return { sheet: Math.floor(picture / (columns * rows)), column: place % columns, row: Math.floor(place / columns) };
}
