// Numbers and their nouns, one way for every English string: "1 machine", "0 machines". Chinese has one form and
// needs none of this. The same rule for words that the Rust side writes is `{name|one|many}` of assets/messages.

/** The noun for a number: singular for one and only one. */
export const noun = (count: number, one: string, many: string): string => (count === 1 ? one : many);

/** A number with its noun. `shown` is the number as it is written, where it is grouped. */
export const counted = (count: number, one: string, many: string, shown = String(count)): string =>
  `${shown} ${noun(count, one, many)}`;
