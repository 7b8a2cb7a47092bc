// Points in time, as people of a language write them.
import { localeOf, type Lang } from '$lib/i18n/language';

const written = (at: string, lang: Lang, how: Intl.DateTimeFormatOptions): string =>
  new Intl.DateTimeFormat(localeOf(lang), how).format(new Date(at));

/** The day and the minute. */
export const moment = (at: string, lang: Lang): string =>
  written(at, lang, { dateStyle: 'medium', timeStyle: 'short' });

/** The day alone. */
export const day = (at: string, lang: Lang): string => written(at, lang, { dateStyle: 'medium' });

/** To the second and short, for a row of a log. */
export const logged = (at: string, lang: Lang): string =>
  written(at, lang, { dateStyle: 'short', timeStyle: 'medium' });

/** The day with the name of its month, for a text. */
export const dayInWords = (at: Date, lang: Lang): string =>
  written(at.toISOString(), lang, { dateStyle: 'long' });
