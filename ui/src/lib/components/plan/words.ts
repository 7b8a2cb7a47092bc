// Words of a reason in a plan, taken from the catalogue that the command line reads too. Pure but for the catalogue.
import raw from 'virtual:plan-words';
import { number } from '$lib/format';
import type { Lang } from '$lib/i18n/language';
import { noun } from '$lib/i18n/plural';
import type { ReasonView } from '$lib/ipc/bindings';

const catalogue = raw as Record<string, Record<Lang, string>>;

/** Numbers of four digits and more are grouped; other values stay as they are. */
const shown = (value: string, lang: Lang) => (/^\d{4,}$/.test(value) ? number(Number(value), lang) : value);

/** The sentence with its values, and those of `{name|one|many}` with their noun, or the bare code where this build does not know it. */
export function reason(why: ReasonView, lang: Lang): string {
  const template = catalogue[why.code]?.[lang];
  if (template === undefined) return why.code;
  return template.replace(
    /\{(\w+)(?:\|([^|}]*)\|([^|}]*))?\}/g,
    (_whole, name: string, one?: string, many?: string) => {
      const value = why.values[name] ?? '';
      const said = name === 'port' || name === 'repo' ? value : shown(value, lang);
      return one === undefined || many === undefined ? said : `${said} ${noun(Number(value), one, many)}`;
    },
  );
}
