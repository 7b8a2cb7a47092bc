// Puts values into a message of assets/messages: `{name}` is a value, `{name|one|many}` a value with its noun, which is
// singular for 1 only. A value that is missing goes, together with the brackets around it. The rules are those of
// crates/messages/src/template.rs, which also writes articles: no text that the page reads has one.
const PLACEHOLDER = /\{(\w+)(?:\|([^|}]*)\|([^|}]*))?\}/g;

/** The names of the placeholders. */
export const names = (template: string): string[] =>
  [...template.matchAll(PLACEHOLDER)].map((match) => match[1] ?? '');

export function fill(template: string, value: (name: string) => string | undefined): string {
  const known = (group: string) => names(group).every((name) => value(name) !== undefined);
  const kept = template.replace(/\s?[(（][^()（）]*[)）]/g, (group) => (known(group) ? group : ''));
  return kept.replace(PLACEHOLDER, (_whole, name: string, one?: string, many?: string) => {
    const said = value(name) ?? '';
    return one === undefined || many === undefined ? said : `${said} ${said === '1' ? one : many}`;
  });
}
