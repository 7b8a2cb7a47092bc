// Numbers as a person types them: with a point or a comma, in narrow or wide digits.

export function parseNumber(text: string, whole: boolean): number | undefined {
  // Input methods of Chinese write wide digits and signs; NFKC makes them narrow.
  let plain = text.normalize('NFKC').replace(/\s/g, '');
  if (whole && /^\d{1,3}([.,]\d{3})+$/.test(plain)) plain = plain.replace(/[.,]/g, '');
  return /^[+-]?(\d+[.,]?\d*|[.,]\d+)$/.test(plain) ? Number(plain.replace(',', '.')) : undefined;
}

/** The value of a slider that was typed: within its ends, in whole numbers where its steps are. */
export function typedValue(
  text: string,
  { min, max, step }: { min: number; max: number; step: number },
): number | undefined {
  const whole = Number.isInteger(step);
  const value = parseNumber(text, whole);
  if (value === undefined) return undefined;
  const digits = whole ? 1 : 100;
  return Math.min(max, Math.max(min, Math.round(value * digits) / digits));
}
