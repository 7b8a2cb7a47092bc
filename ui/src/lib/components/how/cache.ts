// The KV cache of a whole context, on a scale that shows a megabyte beside a terabyte.
import type { CacheSize } from '$lib/ipc/bindings';

/** Tokens: each step doubles the context. */
export const CONTEXTS = [1, 2, 4, 8, 16, 32, 64, 128].map((thousands) => thousands * 1024);

export type CacheBytes = { allHeads: number; bf16: number; fp8: number };

export const bytesAt = (size: CacheSize, tokens: number): CacheBytes => ({
  allHeads: size.all_heads * tokens,
  bf16: size.bf16 * tokens,
  fp8: size.fp8 * tokens,
});

/** Powers of ten from below the smallest to above the largest amount of any context. */
export function decades(sizes: readonly CacheSize[]): number[] {
  const least = Math.min(...sizes.map((size) => size.fp8)) * (CONTEXTS[0] ?? 1);
  const most = Math.max(...sizes.map((size) => size.all_heads)) * (CONTEXTS.at(-1) ?? 1);
  const first = Math.floor(Math.log10(least));
  return Array.from({ length: Math.ceil(Math.log10(most)) - first + 1 }, (_, at) => 10 ** (first + at));
}

/** Where an amount lies between the first and the last of the powers of ten, from 0 to 1. */
export function placeOf(amount: number, lines: readonly number[]): number {
  const [first, last] = [Math.log10(lines[0] ?? 1), Math.log10(lines.at(-1) ?? 10)];
  return amount > 0 ? Math.min(1, Math.max(0, (Math.log10(amount) - first) / (last - first))) : 0;
}
