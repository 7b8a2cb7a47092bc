// Words of a reason in a plan, taken from the catalogue that the command line reads too. Pure but for the catalogue.
import catalogue from 'virtual:plan-words';
import { number } from '$lib/format';
import { fill } from '$lib/format/template';
import type { Lang } from '$lib/i18n/language';
import type { ReasonView } from '$lib/ipc/bindings';

export { catalogue };

/** Numbers of four digits and more are grouped; other values stay as they are. */
const shown = (value: string, lang: Lang) => (/^\d{4,}$/.test(value) ? number(Number(value), lang) : value);

/** The sentence with its values, or the bare code where this build does not know it. */
export function reason(why: ReasonView, lang: Lang): string {
  const template = catalogue[why.code]?.[lang];
  if (template === undefined) return why.code;
  return fill(template, (name) => {
    const value = why.values[name];
    return value === undefined || name === 'port' || name === 'repo' ? value : shown(value, lang);
  });
}
