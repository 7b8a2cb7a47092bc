// A library of prompts. Reading variables is the app's; what is here is enough for the texts of the mock.
import type { ErrorView, PromptDraft, PromptLibrary, PromptPart, SavedPrompt } from '$lib/ipc/bindings';

const VARIABLE = /\{\{\s*([^{}|\n]+?)\s*(?:\|([^]*?))?\}\}/g;

function partsOf(text: string): PromptPart[] {
  const parts: PromptPart[] = [];
  let end = 0;
  for (const found of text.matchAll(VARIABLE)) {
    if (found.index > end) parts.push({ kind: 'text', text: text.slice(end, found.index) });
    parts.push({ kind: 'variable', name: found[1] ?? '', default: found[2] ?? '' });
    end = found.index + found[0].length;
  }
  if (end < text.length) parts.push({ kind: 'text', text: text.slice(end) });
  return parts;
}

const saved = (id: string, name: string, text: string, example: boolean): SavedPrompt => ({
  id,
  name,
  text,
  parts: partsOf(text),
  example,
});

const EXAMPLES = {
  en: [
    ['Summarise', 'Summarise the following text in {{length|five sentences}}.\n\n{{text}}'],
    ['Translate', 'Translate the following text into {{language|Chinese}}.\n\n{{text}}'],
  ],
  zh: [
    ['总结', '请用{{长度|五句话}}总结下面的内容。\n\n{{文字}}'],
    ['翻译', '请把下面的内容翻译成{{语言|英文}}。\n\n{{文字}}'],
  ],
} satisfies Record<string, [string, string][]>;

let own: SavedPrompt[] = [];
let hidden: string[] = [];
let next = 1;

/** Those of a person who has kept some. */
export function fill(): void {
  own = [
    saved(
      'standup',
      'Stand-up note',
      'Write my stand-up note of {{date}} from these points: {{points}}',
      false,
    ),
    saved('thanks', 'Say thanks', 'Write a short note of thanks.', false),
  ];
}

export function library(lang: string): PromptLibrary {
  const examples = EXAMPLES[lang === 'zh' ? 'zh' : 'en'].map(([name, text], at) =>
    saved(`example:${at}`, name, text, true),
  );
  const shown = examples.filter(({ id }) => !hidden.includes(id));
  return { prompts: [...own, ...shown], hidden_examples: examples.length - shown.length };
}

export function save(draft: PromptDraft, lang: string, taken: (name: string) => ErrorView): SavedPrompt {
  const name = draft.name.trim();
  const same = (one: SavedPrompt) => one.name.toLowerCase() === name.toLowerCase() && one.id !== draft.id;
  if (library(lang).prompts.some(same)) throw taken(name);
  const isExample = draft.id?.startsWith('example:') === true;
  const id = draft.id === null || isExample ? `own-${next++}` : draft.id;
  if (isExample && draft.id !== null) hidden = [...hidden, draft.id];
  const prompt = saved(id, name, draft.text.trim(), false);
  own = [...own.filter((one) => one.id !== id), prompt];
  return prompt;
}

export function remove(id: string): void {
  if (id.startsWith('example:')) hidden = [...hidden, id];
  else own = own.filter((one) => one.id !== id);
}

export function showExamples(): void {
  hidden = [];
}

export function add(name: string, text: string): void {
  own = [...own, saved(`own-${next++}`, name, text, false)];
}
