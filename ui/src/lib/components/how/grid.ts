// Draws where one token goes: rows are layers, columns are experts, the chosen ones are filled.

/** In pixels of the screen. */
export type Grid = { cell: number; row: number; width: number; height: number };

/** CSS pixels: the height that the picture should take, and the largest and the lowest cell. */
const HEIGHT = 224;
const LARGEST = 14;
const LOWEST = 4;
/** Room for the frame of a layer, which would cover the cells of its row. */
export const EDGE = 2;
/** Cells narrower than this have no room for a gap between them. */
const GAPPED = 5;

export function gridOf(layers: number, experts: number, width: number, density: number): Grid {
  const within = (size: number, least: number) =>
    Math.max(Math.ceil(least), Math.min(Math.floor(LARGEST * density), Math.floor(size)));
  const cell = within((width * density) / Math.max(1, experts), 1);
  const row = within((HEIGHT * density) / Math.max(1, layers), LOWEST * density);
  return { cell, row, width: cell * experts, height: row * layers };
}

export function drawGrid(
  canvas: HTMLCanvasElement,
  chosen: readonly (readonly number[])[],
  experts: number,
  layer: number,
  grid: Grid,
  density: number,
): void {
  const pen = canvas.getContext('2d');
  if (!pen) return;
  const style = getComputedStyle(canvas);
  const gap = Math.min(grid.cell, grid.row) >= GAPPED * density ? Math.round(density) : 0;
  const fill = (expert: number, at: number) =>
    pen.fillRect(expert * grid.cell, at * grid.row, grid.cell - gap, grid.row - gap);
  const edge = Math.round(EDGE * density);
  canvas.width = grid.width + 2 * edge;
  canvas.height = grid.height + 2 * edge;
  pen.translate(edge, edge);
  pen.fillStyle = style.getPropertyValue('--hover');
  chosen.forEach((_, at) => {
    for (let expert = 0; expert < experts; expert += 1) fill(expert, at);
  });
  pen.fillStyle = style.getPropertyValue('--accent');
  chosen.forEach((row, at) => row.forEach((expert) => fill(expert, at)));
  pen.lineWidth = edge;
  pen.strokeStyle = style.getPropertyValue('--ink');
  const out = edge / 2;
  pen.strokeRect(-out, layer * grid.row - out, grid.width - gap + edge, grid.row - gap + edge);
}
