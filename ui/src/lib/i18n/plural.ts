// Numbers and their nouns, one way for every English string: "1 machine", "0 machines", "an 8 GB card". Chinese has one
// form and needs none of this. The same rules for words that the Rust side writes are in `app::lang`.

/** The noun for a number: singular for one and only one. */
export const noun = (count: number, one: string, many: string): string => (count === 1 ? one : many);

/** A number with its noun. `shown` is the number as it is written, where it is grouped. */
export const counted = (count: number, one: string, many: string, shown = String(count)): string => `${shown} ${noun(count, one, many)}`;

/** The words with "a" or "an" before them, by how a leading number is said: an 8, an 11, an 18, an 80. */
export function withArticle(words: string): string {
  const digits = (/^[\d,]+/.exec(words)?.[0] ?? '').replaceAll(',', '');
  const group = digits.slice(0, digits.length % 3 || 3);
  const vowel = digits === '' ? /^[aeio]/i.test(words) : group.startsWith('8') || group === '11' || group === '18';
  return `${vowel ? 'an' : 'a'} ${words}`;
}
