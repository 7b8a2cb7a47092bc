// Draws the heat map: rows are layers, columns are experts.
import type { ExpertCounts } from './counts';
import { cellsOf, type Grid } from './grid';
import { MOST, MOST_DIFFERENT, ramp, stepOf } from './scale';

export type HeatColours = { more: Uint32Array; less: Uint32Array; ink: string; paper: string };
/** The experts of one token, by layer. */
export type Chosen = readonly (readonly number[])[];

const SIZES = { height: 184, largest: 18, lowest: 3 };

export const gridOf = (counts: ExpertCounts, width: number, density: number): Grid =>
  cellsOf(counts.layers.length, counts.experts, width, density, SIZES);

/** The colours of the theme in use. */
export function coloursOf(element: Element): HeatColours {
  const style = getComputedStyle(element);
  const colour = (name: string) => style.getPropertyValue(name);
  const none = colour('--heat-none');
  return {
    more: ramp(none, colour('--heat-even'), colour('--heat-most')),
    less: ramp(none, colour('--heat-less'), colour('--heat-least')),
    ink: colour('--ink'),
    paper: colour('--raised'),
  };
}

/**
 * `different` are the differences to another answer, by cell; those below zero are striped.
 * `edge` is the room around the cells.
 */
export function drawCells(
  pen: CanvasRenderingContext2D,
  counts: ExpertCounts,
  different: Float32Array | undefined,
  grid: Grid,
  colours: HeatColours,
  density: number,
  edge: number,
): void {
  if (grid.width === 0 || grid.height === 0) return;
  const image = pen.createImageData(grid.width, grid.height);
  const pixels = new Uint32Array(image.data.buffer);
  const none = colours.more[0] ?? 0;
  // Small cells touch each other; a gap would take more room than they have.
  const gap = Math.min(grid.cell, grid.row) >= 6 * density ? Math.round(density) : 0;
  const stripe = Math.max(2, Math.round(2 * density));
  for (let at = 0; at < counts.layers.length; at += 1) {
    const even = counts.evenShare(at) || 1;
    for (let expert = 0; expert < counts.experts; expert += 1) {
      const index = at * counts.experts + expert;
      const value = different ? (different[index] ?? 0) : (counts.counts[index] ?? 0) / even;
      const colour =
        (value < 0 ? colours.less : colours.more)[
          stepOf(Math.abs(value), different ? MOST_DIFFERENT : MOST)
        ] ?? none;
      for (let y = at * grid.row; y < (at + 1) * grid.row - gap; y += 1)
        for (let x = expert * grid.cell; x < (expert + 1) * grid.cell - gap; x += 1)
          pixels[y * grid.width + x] = value < 0 && (x + y) % (2 * stripe) < stripe ? none : colour;
    }
  }
  pen.putImageData(image, edge, edge);
}

/** Outlines the experts of a token, in two colours so that one of them stands out on every cell. */
export function drawChosen(
  pen: CanvasRenderingContext2D,
  chosen: Chosen,
  grid: Grid,
  colours: HeatColours,
  density: number,
): void {
  const line = Math.max(1, Math.round(density));
  // Around a cell that is smaller than its outline, which keeps to its row.
  const out = Math.max(line, Math.ceil((5 * density - grid.cell) / 2));
  const up = grid.row >= 6 * density ? line : 0;
  chosen.forEach((experts, at) => {
    for (const expert of experts) {
      const [x, y] = [expert * grid.cell - out, at * grid.row - up];
      const [width, height] = [grid.cell + 2 * out, grid.row + 2 * up];
      pen.lineWidth = line;
      pen.strokeStyle = colours.paper;
      pen.strokeRect(x - line / 2, y - line / 2, width + line, height + line);
      pen.strokeStyle = colours.ink;
      pen.strokeRect(x + line / 2, y + line / 2, width - line, height - line);
    }
  });
}
