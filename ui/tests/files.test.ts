import { expect, test } from 'vitest';
import { fileState, foundHere, inOrder } from '$lib/components/models/files';

const file = (path: string, size: number, done: number, verified = false) => ({
  path,
  size,
  done,
  verified,
  found_in: null as string | null,
  linked: false,
});
const found = (program: string, size: number, linked: boolean) => ({
  ...file('x', size, linked ? size : 0, linked),
  found_in: program,
  linked,
});

test.each([
  [file('a', 10, 0), 'waiting'],
  [file('a', 10, 4), 'moving'],
  [file('a', 10, 10), 'there'],
  [file('a', 10, 10, true), 'checked'],
  [file('empty', 0, 0), 'there'],
  [found('Ollama', 5, true), 'linked'],
  [found('Ollama', 5, false), 'waiting'],
] as const)('%o is %s', (one, state) => expect(fileState(one)).toBe(state));

test('what moves comes first, what is done last, and neither list is changed', () => {
  const files = [file('done', 1, 1, true), file('next', 5, 0), file('now', 5, 2), file('later', 5, 0)];
  expect(inOrder(files).map((f) => f.path)).toEqual(['now', 'next', 'later', 'done']);
  expect(files[0]?.path).toBe('done');
});

test('files of other programs are counted by program, what cannot be linked apart', () => {
  const files = [
    file('a', 5, 0),
    found('Ollama', 5, true),
    found('Hugging Face', 1, true),
    found('Ollama', 7, true),
    found('Ollama', 9, false),
  ];
  expect(foundHere(files)).toEqual([
    { program: 'Ollama', linked: true, count: 2, size: 12 },
    { program: 'Hugging Face', linked: true, count: 1, size: 1 },
    { program: 'Ollama', linked: false, count: 1, size: 9 },
  ]);
});
