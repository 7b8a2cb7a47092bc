// A prompt with values in place of its variables, and which of them are filled in without being asked for. Pure: the app
// has read the text into its parts.
import type { PromptPart, SavedPrompt } from '$lib/ipc/bindings';

export type Variable = { name: string; default: string };
export type Values = Record<string, string>;

/** The names that are filled in by themselves. */
export const DATE = 'date';
export const CLIPBOARD = 'clipboard';

/** Each variable once, in the order of the text. */
export function variablesOf(parts: readonly PromptPart[]): Variable[] {
  const all = parts.flatMap((part) => (part.kind === 'variable' ? [part] : []));
  return all
    .filter(({ name }, at) => all.findIndex((one) => one.name === name) === at)
    .map((part) => ({ name: part.name, default: part.default }));
}

/** A value that is missing is the default; an empty one is empty. */
export function filled(parts: readonly PromptPart[], values: Values): string {
  return parts
    .map((part) => (part.kind === 'text' ? part.text : (values[part.name] ?? part.default)))
    .join('');
}

export const firstLine = (text: string): string => text.split('\n', 1)[0] ?? '';

/** The prompts with every word of the query in their name or first line, those whose name begins with it first. */
export function matchingPrompts(prompts: readonly SavedPrompt[], query: string): SavedPrompt[] {
  const wanted = query.trim().toLowerCase();
  if (wanted === '') return [...prompts];
  const words = wanted.split(/\s+/);
  const kept = prompts.filter(({ name, text }) => {
    const searched = `${name} ${firstLine(text)}`.toLowerCase();
    return words.every((word) => searched.includes(word));
  });
  const rank = ({ name }: SavedPrompt) => (name.toLowerCase().startsWith(wanted) ? 0 : 1);
  return kept.toSorted((a, b) => rank(a) - rank(b));
}
