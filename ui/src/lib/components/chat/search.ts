// Search inside one chat. Pure: it counts over the texts, since most messages of a long chat are not on the page.

export type Hit = { id: string; index: number; nth: number };

/** Where a text has one of the needles, in reading order and without overlaps. */
export function places(text: string, needles: readonly string[]): { at: number; length: number }[] {
  const lower = text.toLowerCase();
  const found: { at: number; length: number }[] = [];
  for (const needle of needles) {
    for (let at = lower.indexOf(needle); at !== -1; at = lower.indexOf(needle, at + needle.length))
      found.push({ at, length: needle.length });
  }
  found.sort((a, b) => a.at - b.at || b.length - a.length);
  let end = 0;
  return found.filter((one) => {
    const free = one.at >= end;
    if (free) end = one.at + one.length;
    return free;
  });
}

/** What to look for: the words as they were typed where some message has them so, else each word. Case does not count. */
export function needlesOf(messages: readonly { text: string }[], query: string): string[] {
  const phrase = query.trim().toLowerCase();
  if (phrase === '') return [];
  const words = [...new Set(phrase.split(/\s+/))];
  const typed = words.length > 1 && messages.some(({ text }) => text.toLowerCase().includes(phrase));
  return typed ? [phrase] : words;
}

/** Every place in messages that hold all the needles, in reading order. */
export function hits(
  messages: readonly { id: string; text: string }[],
  query: string,
  needles = needlesOf(messages, query),
): Hit[] {
  if (needles.length === 0) return [];
  return messages.flatMap(({ id, text }, index) => {
    const lower = text.toLowerCase();
    if (!needles.every((needle) => lower.includes(needle))) return [];
    return places(text, needles).map((_place, nth) => ({ id, index, nth }));
  });
}

/** The step from `at`, going round at either end; -1 when there is nothing. */
export const step = (at: number, by: number, count: number): number =>
  count === 0 ? -1 : (at + by + count) % count;
