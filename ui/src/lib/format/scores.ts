// Scores and their changes as percent, with the digits that the terminal shows.
import { localeOf, type Lang } from '$lib/i18n/language';

const percent = (share: number, digits: number, lang: Lang, sign: 'auto' | 'always') =>
  new Intl.NumberFormat(localeOf(lang), {
    style: 'percent',
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
    signDisplay: sign,
  }).format(share);

/** A score from 0 to 1: "96.1%". */
export const score = (share: number, lang: Lang, digits = 1): string => percent(share, digits, lang, 'auto');

/** "96.1 ± 1.0%". */
export function plusMinus(mean: number, deviation: number, lang: Lang): string {
  const shown = new Intl.NumberFormat(localeOf(lang), { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  return `${shown.format(mean * 100)} ± ${score(deviation, lang)}`;
}

/** With its sign; what rounds to nothing has a plus. */
export function change(share: number, lang: Lang, digits = 1): string {
  const step = 100 * 10 ** digits;
  // Adding 0 makes a negative zero positive.
  return percent(Math.round(share * step) / step + 0, digits, lang, 'always');
}
