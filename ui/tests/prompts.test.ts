// Prompts with values in place of their variables, and the search for one.
import { expect, test } from 'vitest';
import type { PromptPart, SavedPrompt } from '$lib/ipc/bindings';
import { dayInWords } from '$lib/format/times';
import { filled, firstLine, matchingPrompts, variablesOf } from '$lib/prompts/fill';

const text = (words: string): PromptPart => ({ kind: 'text', text: words });
const variable = (name: string, otherwise = ''): PromptPart => ({
  kind: 'variable',
  name,
  default: otherwise,
});
const prompt = (name: string, words: string): SavedPrompt => ({
  id: name,
  name,
  text: words,
  parts: [text(words)],
  example: false,
});

test('each variable is asked for once, in the order of the text', () => {
  const parts = [variable('b', '2'), text(' '), variable('a'), variable('b', '2')];
  expect(variablesOf(parts)).toEqual([
    { name: 'b', default: '2' },
    { name: 'a', default: '' },
  ]);
  expect(variablesOf([text('{{a}}')])).toEqual([]);
});

test('values stand in place of their variables as they are', () => {
  const parts = [text('<'), variable('名字', 'x'), text('>'), variable('名字', 'x')];
  expect(filled(parts, { 名字: '$& {{名字}}' })).toBe('<$& {{名字}}>$& {{名字}}');
  expect(filled(parts, {})).toBe('<x>x');
  expect(filled(parts, { 名字: '' })).toBe('<>');
});

test('a prompt is found by every word of its name and first line, by its beginning first', () => {
  const all = [
    prompt('Say thanks', 'A note\nsecret'),
    prompt('Note', 'of the day'),
    prompt('翻译', '译成英文'),
  ];
  const names = (query: string) => matchingPrompts(all, query).map(({ name }) => name);
  expect(names(' ')).toEqual(['Say thanks', 'Note', '翻译']);
  expect(names('note')).toEqual(['Note', 'Say thanks']);
  expect(names('note say')).toEqual(['Say thanks']);
  expect(names('secret')).toEqual([]);
  expect(names('英文')).toEqual(['翻译']);
});

test('the first line and the day', () => {
  expect(firstLine('one\ntwo')).toBe('one');
  expect(firstLine('')).toBe('');
  const day = new Date(2026, 10, 30);
  expect(dayInWords(day, 'en')).toBe('30 November 2026');
  expect(dayInWords(day, 'zh')).toBe('2026年11月30日');
});
