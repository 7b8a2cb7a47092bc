// Words for an error code, taken from the shared catalogue with the values of the error filled in. Pure.
import type { ErrorCode, ErrorView } from '$lib/ipc/bindings';
import type { Lang } from '$lib/i18n/language';
import { bytes, number } from '$lib/format';
import { fill as fillTemplate } from '$lib/format/template';

export type Words = { title: string; meaning: string; next: string };
/** An error of a newer program may have a code that this build does not know. */
export type Catalogue = Partial<Record<ErrorCode, Record<Lang, Words>>>;

/** Values that are byte counts in the contract, shown in human units. */
const BYTE_VALUES = new Set(['needed', 'free', 'available', 'expected', 'actual', 'total', 'size']);
/** Values that are counts of anything else. */
const COUNTS = new Set(['tokens', 'context', 'pixels', 'most']);

/** Puts the values of an error in. */
export function fill(template: string, detail: Record<string, string>, lang: Lang): string {
  return fillTemplate(template, (name) => {
    const value = detail[name];
    if (value === undefined || !/^\d+(\.\d+)?$/.test(value)) return value;
    if (BYTE_VALUES.has(name)) return bytes(Number(value), lang);
    return COUNTS.has(name) ? number(Number(value), lang) : value;
  });
}

export function words(error: ErrorView, catalogue: Catalogue, lang: Lang): Words | undefined {
  const entry = catalogue[error.code]?.[lang];
  if (!entry) return undefined;
  const say = (template: string) => fill(template, error.detail, lang);
  return { title: say(entry.title), meaning: say(entry.meaning), next: say(entry.next) };
}
