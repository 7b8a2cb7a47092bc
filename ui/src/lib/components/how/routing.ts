// What the router did with one token, and the bias of a layer.
import type { TokenTrace } from '$lib/ipc/bindings';

/** Experts of all layers, each layer's own. */
export const differentExperts = (token: TokenTrace): number =>
  token.experts.reduce((sum, layer) => sum + new Set(layer).size, 0);

export type BiasOfLayer = {
  /** By expert, against the average: the same for all would change no choice. */
  values: number[];
  least: { at: number; value: number };
  most: { at: number; value: number };
  raised: number;
  lowered: number;
};

export function biasOf(bias: readonly number[] | undefined): BiasOfLayer | undefined {
  if (!bias || bias.length === 0) return undefined;
  const mean = bias.reduce((sum, value) => sum + value, 0) / bias.length;
  const values = bias.map((value) => value - mean);
  const found = (better: (a: number, b: number) => boolean) =>
    values.reduce((best, value, at) => (better(value, best.value) ? { at, value } : best), {
      at: 0,
      value: values[0] ?? 0,
    });
  return {
    values,
    least: found((a, b) => a < b),
    most: found((a, b) => a > b),
    raised: values.filter((value) => value > 0).length,
    lowered: values.filter((value) => value < 0).length,
  };
}
