// What FP8 changes in a block of numbers.
import type { Fp8View } from '$lib/ipc/bindings';

export type Fp8Error = {
  /** By cell: how far the FP8 value is from the original. */
  errors: Float32Array;
  largest: number;
  /** All errors against all magnitudes. An average of relative errors would be that of the numbers next to zero. */
  relative: number;
};

export function errorOf({ values, fp8 }: Pick<Fp8View, 'values' | 'fp8'>): Fp8Error {
  const errors = Float32Array.from(values, (value, at) => (fp8[at] ?? 0) - value);
  let [largest, sum, magnitude] = [0, 0, 0];
  values.forEach((value, at) => {
    const error = Math.abs((fp8[at] ?? 0) - value);
    largest = Math.max(largest, error);
    sum += error;
    magnitude += Math.abs(value);
  });
  return { errors, largest, relative: magnitude > 0 ? sum / magnitude : 0 };
}

export function rangeOf(values: readonly number[]): { least: number; most: number } {
  let [least, most] = [Infinity, -Infinity];
  for (const value of values) {
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  return values.length > 0 ? { least, most } : { least: 0, most: 0 };
}

export type Cell = { row: number; col: number };

/** Where a key leads from a cell; nothing for other keys. */
export function moved(cell: Cell, key: string, rows: number, cols: number): Cell | undefined {
  const by = {
    ArrowUp: [-1, 0],
    ArrowDown: [1, 0],
    ArrowLeft: [0, -1],
    ArrowRight: [0, 1],
    PageUp: [-16, 0],
    PageDown: [16, 0],
    Home: [0, -cols],
    End: [0, cols],
  }[key];
  if (!by) return undefined;
  const within = (value: number, size: number) => Math.min(size - 1, Math.max(0, value));
  return { row: within(cell.row + (by[0] ?? 0), rows), col: within(cell.col + (by[1] ?? 0), cols) };
}
