// Numbers of any magnitude by the digits that say something: weights and errors are far below one.
import { localeOf, type Lang } from '$lib/i18n/language';

export const significant = (value: number, lang: Lang, digits = 3, signed = false): string =>
  new Intl.NumberFormat(localeOf(lang), {
    maximumSignificantDigits: digits,
    signDisplay: signed ? 'exceptZero' : 'auto',
  }).format(value);

/** A probability: below half a percent it is said to be small, and none is a plain zero. */
export function chance(probability: number, lang: Lang): string {
  if (probability <= 0) return '0';
  const shown = new Intl.NumberFormat(localeOf(lang), { style: 'percent', maximumFractionDigits: 0 });
  return probability < 0.005 ? `<${shown.format(0.01)}` : shown.format(probability);
}

/** A share that a percent rounds away: "2.3%". */
export const finePercent = (share: number, lang: Lang): string =>
  new Intl.NumberFormat(localeOf(lang), { style: 'percent', maximumSignificantDigits: 2 }).format(share);
