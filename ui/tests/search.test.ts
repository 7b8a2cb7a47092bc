import { expect, test } from 'vitest';
import { hits, needlesOf, places, step } from '$lib/components/chat/search';

const chat = [
  { id: 'a', text: 'A GPU, another gpu.' },
  { id: 'b', text: 'nothing' },
  { id: 'c', text: '显卡 GPU' },
];

test('every place is found in reading order, whatever its case', () => {
  expect(hits(chat, ' gpu ')).toEqual([
    { id: 'a', index: 0, nth: 0 },
    { id: 'a', index: 0, nth: 1 },
    { id: 'c', index: 2, nth: 0 },
  ]);
  expect(hits(chat, '显卡')).toEqual([{ id: 'c', index: 2, nth: 0 }]);
  expect(hits(chat, '  ')).toEqual([]);
  expect(hits(chat, 'no such word')).toEqual([]);
});

test('the way through the places goes round', () => {
  expect(step(0, 1, 3)).toBe(1);
  expect(step(2, 1, 3)).toBe(0);
  expect(step(0, -1, 3)).toBe(2);
  expect(step(0, 1, 0)).toBe(-1);
});

test('words are found in any order, where a message holds them all', () => {
  const said = [
    { id: 'a', text: 'the boat near the whale' },
    { id: 'b', text: 'only a whale' },
    { id: 'c', text: 'Whale and BOAT' },
  ];
  expect(hits(said, 'whale boat').map(({ id, nth }) => [id, nth])).toEqual([
    ['a', 0],
    ['a', 1],
    ['c', 0],
    ['c', 1],
  ]);
  expect(hits(said, 'whale submarine')).toEqual([]);
  expect(hits(said, '  boat  boat ').map(({ id }) => id)).toEqual(['a', 'c']);
});

test('words as they were typed come before the same words apart', () => {
  const said = [
    { id: 'a', text: 'a length of context' },
    { id: 'b', text: 'the context length' },
  ];
  expect(needlesOf(said, 'Context Length')).toEqual(['context length']);
  expect(hits(said, 'context length').map(({ id }) => id)).toEqual(['b']);
});

test('places do not overlap, and the longer of two goes first', () => {
  expect(places('a catalogue of cats', ['cat', 'catalogue'])).toEqual([
    { at: 2, length: 9 },
    { at: 15, length: 3 },
  ]);
});
