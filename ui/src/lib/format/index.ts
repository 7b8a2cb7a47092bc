// Numbers in human units, in the language in use. Pure: the words and the locale are handed in. The rules are those of
// crates/messages/src/amounts.rs, and tests/fixtures/units.json holds both to them.
import { localeOf, type Lang } from '$lib/i18n/language';
import type { Messages } from '$lib/i18n/messages';

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;

function decimal(value: number, digits: number, lang: Lang): string {
  return new Intl.NumberFormat(localeOf(lang), { maximumFractionDigits: digits }).format(value);
}

/** Bytes as decimal units, the ones on the box of a disk: 19_900_000_000 is "19.9 GB". */
export function bytes(value: number, lang: Lang): string {
  let unit = 0;
  let rest = Math.max(0, value);
  while (rest >= 999.5 && unit < UNITS.length - 1) {
    rest /= 1000;
    unit += 1;
  }
  const digits = unit < 2 || rest >= 100 ? 0 : 1;
  return `${decimal(rest, digits, lang)} ${UNITS[unit]}`;
}

export function percent(part: number, whole: number, lang: Lang): string {
  const share = whole > 0 ? Math.min(1, Math.max(0, part / whole)) : 0;
  return new Intl.NumberFormat(localeOf(lang), { style: 'percent', maximumFractionDigits: 0 }).format(share);
}

/** A share that may be more than all of it: "538%". */
export function share(part: number, whole: number, lang: Lang): string {
  const value = whole > 0 ? Math.max(0, part / whole) : 0;
  return new Intl.NumberFormat(localeOf(lang), {
    style: 'percent',
    maximumFractionDigits: value > 0 && value < 0.01 ? 1 : 0,
  }).format(value);
}

/** A difference as a share with its sign: "+3.1%". */
export function signedPercent(part: number, whole: number, lang: Lang): string {
  return new Intl.NumberFormat(localeOf(lang), {
    style: 'percent',
    maximumFractionDigits: 1,
    signDisplay: 'exceptZero',
  }).format(whole > 0 ? part / whole : 0);
}

export const number = (value: number, lang: Lang, digits = 0): string => decimal(value, digits, lang);

/** Speeds need one digit below ten and none above. */
export const speed = (value: number, lang: Lang): string => decimal(value, value < 10 ? 1 : 0, lang);

/** Amounts of money: small ones need the digits that say something. */
export const money = (amount: number, lang: Lang): string =>
  new Intl.NumberFormat(localeOf(lang), { maximumSignificantDigits: 3 }).format(amount);

/** Tokens as words: 500 of them are about 670 tokens, as the verdicts count. */
export const wordsOf = (tokens: number): number => (tokens * 500) / 670;

/** Tokens as printed pages: about 500 words, which are about 670 tokens. */
export function pages(tokens: number, t: Messages, lang: Lang): string {
  const count = tokens / 670;
  if (count < 1.5) return t.format.page;
  return t.format.pages({ count: decimal(count, 0, lang) });
}

/** Parameter counts; Chinese counts in ten thousands and hundred millions. */
export function parameters(count: number, t: Messages, lang: Lang): string {
  if (lang === 'zh') {
    return count >= 1e8
      ? t.format.billions({ count: decimal(count / 1e8, count < 1e9 ? 1 : 0, lang) })
      : t.format.millions({ count: decimal(count / 1e4, 0, lang) });
  }
  return count >= 1e9
    ? t.format.billions({ count: decimal(count / 1e9, count < 1e11 ? 1 : 0, lang) })
    : t.format.millions({ count: decimal(count / 1e6, count < 1e7 ? 1 : 0, lang) });
}

/** How long something took, where fractions of a second matter: "0.42 s". */
export const latency = (milliseconds: number, t: Messages, lang: Lang): string =>
  t.format.seconds({ count: decimal(milliseconds / 1000, milliseconds < 10_000 ? 2 : 1, lang) });

/** How long something takes, roughly: "6 min". */
export function duration(seconds: number, t: Messages): string {
  if (seconds < 60) return t.format.seconds({ count: String(Math.max(1, Math.round(seconds))) });
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return t.format.minutes({ count: minutes });
  const hours = Math.floor(minutes / 60);
  const rest = minutes % 60;
  return rest === 0 ? t.format.hours({ hours }) : t.format.hoursAndMinutes({ hours, minutes: rest });
}
