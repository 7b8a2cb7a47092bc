// The values that a slider can take.

/** From `min` to `max`, without the noise of adding fractions, and with `value` among them wherever it lies. */
export function stepsOf(min: number, max: number, step: number, value: number): number[] {
  const even = Array.from(
    { length: Math.round((max - min) / step) + 1 },
    (_, n) => Math.round((min + n * step) * 1e6) / 1e6,
  );
  return [...new Set([...even, value])].sort((a, b) => a - b);
}
