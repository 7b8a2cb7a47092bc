import { expect, test } from 'vitest';
import { fileState, inOrder } from '$lib/components/models/files';

const file = (path: string, size: number, done: number, verified = false) => ({ path, size, done, verified });

test.each([
  [file('a', 10, 0), 'waiting'],
  [file('a', 10, 4), 'moving'],
  [file('a', 10, 10), 'there'],
  [file('a', 10, 10, true), 'checked'],
  [file('empty', 0, 0), 'there'],
] as const)('%o is %s', (one, state) => expect(fileState(one)).toBe(state));

test('what moves comes first, what is done last, and neither list is changed', () => {
  const files = [file('done', 1, 1, true), file('next', 5, 0), file('now', 5, 2), file('later', 5, 0)];
  expect(inOrder(files).map((f) => f.path)).toEqual(['now', 'next', 'later', 'done']);
  expect(files[0]?.path).toBe('done');
});
