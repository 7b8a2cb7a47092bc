// The cells of a picture whose rows are layers and whose columns are experts: whole pixels, so that all are
// equally wide.

/** In pixels of the screen. */
export type Grid = { cell: number; row: number; width: number; height: number };
/** CSS pixels: the height that a picture should take, and the largest and the lowest cell. */
export type CellSizes = { height: number; largest: number; lowest: number };

export function cellsOf(
  layers: number,
  experts: number,
  width: number,
  density: number,
  { height, largest, lowest }: CellSizes,
): Grid {
  const within = (size: number, least: number) =>
    Math.max(Math.ceil(least), Math.min(Math.floor(largest * density), Math.floor(size)));
  const cell = within((width * density) / Math.max(1, experts), 1);
  const row = within((height * density) / Math.max(1, layers), lowest * density);
  return { cell, row, width: cell * experts, height: row * layers };
}
