// Puts values into a message of assets/messages: `{name}` is a value, `{name|one|many}` a value with its noun. A value that
// is missing goes, together with the brackets around it. The rules are those of crates/messages/src/template.rs.
import { noun } from '$lib/i18n/plural';

const PLACEHOLDER = /\{(\w+)(?:\|([^|}]*)\|([^|}]*))?\}/g;

export function fill(template: string, value: (name: string) => string | undefined): string {
  const known = (group: string) =>
    [...group.matchAll(PLACEHOLDER)].every((match) => value(match[1] ?? '') !== undefined);
  const kept = template.replace(/\s?[(（][^()（）]*[)）]/g, (group) => (known(group) ? group : ''));
  return kept.replace(PLACEHOLDER, (_whole, name: string, one?: string, many?: string) => {
    const said = value(name) ?? '';
    return one === undefined || many === undefined ? said : `${said} ${noun(Number(said), one, many)}`;
  });
}
