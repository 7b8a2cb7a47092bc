// The words of assets/messages/page as they are written there, and the messages of one language that are made of them.
import { fill, names } from '$lib/format/template';
import type { Lang } from './language';

export type Text = string | readonly string[];
export type Message = Record<Lang, Text>;
export type Words = { [key: string]: Words | Message };

/** A language may be a key of a group too: there it is a message and no text. */
export const isMessage = (node: Words | Message): node is Message =>
  typeof node['en'] === 'string' || Array.isArray(node['en']);

/** A text with placeholders becomes a function of their values. */
function said(text: Text): unknown {
  if (typeof text !== 'string' || names(text).length === 0) return text;
  return (values: Record<string, string | number>) => fill(text, (name) => String(values[name]));
}

export function inLanguage(words: Words, lang: Lang): Record<string, unknown> {
  const entries = Object.entries(words).map(([key, node]) => [
    key,
    isMessage(node) ? said(node[lang]) : inLanguage(node, lang),
  ]);
  return Object.fromEntries(entries) as Record<string, unknown>;
}
