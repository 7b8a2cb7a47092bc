// Words for an error code, taken from the shared catalogue with the values of the error filled in. Pure.
import type { ErrorView } from '$lib/ipc/bindings';
import type { Lang } from '$lib/i18n/language';
import { bytes, number } from '$lib/format';

export type Words = { title: string; meaning: string; next: string };
export type Catalogue = Record<string, Record<Lang, Words>>;

/** Values that are byte counts in the contract, shown in human units. */
const BYTE_VALUES = new Set(['needed', 'free', 'available', 'expected', 'actual', 'total', 'size']);
/** Values that are counts of anything else. */
const COUNTS = new Set(['tokens', 'context', 'pixels', 'most']);

/** Puts the values in; one that is missing goes, together with the round brackets around it. */
export function fill(template: string, detail: Record<string, string>, lang: Lang): string {
  const known = (name: string) => detail[name] !== undefined;
  const put = (text: string) =>
    text.replace(/\{(\w+)\}/g, (_whole, name: string) => {
      const value = detail[name] ?? '';
      if (!/^\d+(\.\d+)?$/.test(value)) return value;
      return BYTE_VALUES.has(name)
        ? bytes(Number(value), lang)
        : COUNTS.has(name)
          ? number(Number(value), lang)
          : value;
    });
  const kept = template.replace(/\s?[(（][^()（）]*[)）]/g, (group) =>
    [...group.matchAll(/\{(\w+)\}/g)].every((match) => known(match[1] ?? '')) ? group : '',
  );
  return put(kept);
}

export function words(error: ErrorView, catalogue: Catalogue, lang: Lang): Words | undefined {
  const entry = catalogue[error.code]?.[lang];
  if (!entry) return undefined;
  const say = (template: string) => fill(template, error.detail, lang);
  return { title: say(entry.title), meaning: say(entry.meaning), next: say(entry.next) };
}
