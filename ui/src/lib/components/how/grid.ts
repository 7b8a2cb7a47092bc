// Draws where one token goes: rows are layers, columns are experts, the chosen ones are filled.
import { cellsOf, type Grid } from '$lib/experts/grid';

const SIZES = { height: 224, largest: 14, lowest: 4 };
/** Room for the frame of a layer, which would cover the cells of its row. */
export const EDGE = 2;
/** Cells narrower than this have no room for a gap between them. */
const GAPPED = 5;

export const gridOf = (layers: number, experts: number, width: number, density: number): Grid =>
  cellsOf(layers, experts, width, density, SIZES);

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
