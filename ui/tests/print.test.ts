// The suggested name of the file of a chat.
import { expect, test } from 'vitest';
import { fileName } from '$lib/print/file-name';

test('a title becomes a name that every file system takes', () => {
  expect(fileName('Which model?')).toBe('Which model');
  expect(fileName('a/b\\c:d*e"f<g>h|i\nj')).toBe('a b c d e f g h i j');
  expect(fileName('..hidden')).toBe('hidden');
  expect(fileName(' ?? ')).toBe('chat');
  expect(fileName('鲸'.repeat(100))).toBe('鲸'.repeat(60));
  expect(fileName('🐋'.repeat(100))).toBe('🐋'.repeat(60));
});
