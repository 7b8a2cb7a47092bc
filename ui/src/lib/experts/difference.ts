// Which experts one answer used and another did not. Answers of different lengths are compared by shares:
// each expert's work as a multiple of the even share of its layer.
import type { ExpertCounts } from './counts';

export type LayerDifference = { layer: number; here: number; there: number; both: number };
export type Difference = {
  /** By cell: above zero where this answer used the expert more, below where the other one did. */
  values: Float32Array;
  layers: LayerDifference[];
  /** Experts that only this answer used, only the other one, and both. */
  here: number;
  there: number;
  both: number;
};

/** Whether two answers are of one shape: experts of different models have nothing in common. */
export const comparable = (one: ExpertCounts, other: ExpertCounts): boolean =>
  one.experts === other.experts &&
  one.layers.length === other.layers.length &&
  one.layers.every((layer, at) => layer === other.layers[at]);

export function difference(one: ExpertCounts, other: ExpertCounts): Difference {
  const values = new Float32Array(one.counts.length);
  const layers = one.layers.map((layer, at) => {
    const row = { layer, here: 0, there: 0, both: 0 };
    const [mine, theirs] = [one.evenShare(at) || 1, other.evenShare(at) || 1];
    for (let cell = at * one.experts; cell < (at + 1) * one.experts; cell += 1) {
      const [a, b] = [one.counts[cell] ?? 0, other.counts[cell] ?? 0];
      values[cell] = a / mine - b / theirs;
      if (a > 0 && b > 0) row.both += 1;
      else if (a > 0) row.here += 1;
      else if (b > 0) row.there += 1;
    }
    return row;
  });
  const sum = (key: 'here' | 'there' | 'both') => layers.reduce((all, row) => all + row[key], 0);
  return { values, layers, here: sum('here'), there: sum('there'), both: sum('both') };
}
