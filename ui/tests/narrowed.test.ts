import { expect, test } from 'vitest';
import { narrowed } from '$lib/kit/narrowed';

const groups = [
  { label: 'This computer', items: [{ value: 'a', label: 'DeepSeek-R1 1.5B' }] },
  {
    label: 'Cloud: DeepSeek',
    items: [
      { value: 'b', label: 'deepseek-chat' },
      { value: 'c', label: 'deepseek-reasoner' },
    ],
  },
];
const left = (typed: string) =>
  narrowed(groups, typed).flatMap((group) => group.items.map((item) => item.value));

test('every word is looked for in the name and in that of its group', () => {
  expect(left('')).toEqual(['a', 'b', 'c']);
  expect(left(' deepseek ')).toEqual(['a', 'b', 'c']);
  expect(left('cloud CHAT')).toEqual(['b']);
  expect(narrowed(groups, 'r1').map((group) => group.label)).toEqual(['This computer']);
  expect(left('nothing of it')).toEqual([]);
});
