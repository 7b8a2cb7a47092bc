import { expect, test } from 'vitest';
import { sidesOf, type Offered } from '$lib/components/compare/sides';

const none = { left: '', right: '' };
const offered = (here: string[], deployed: string[] = [], cloud: string[] = []): Offered => ({
  here,
  deployed,
  cloud,
});

test('a model of this computer stands against one elsewhere', () => {
  expect(sidesOf(none, offered(['a', 'b'], ['d'], ['c']))).toEqual({ left: 'a', right: 'c' });
  expect(sidesOf(none, offered(['a', 'b'], ['d']))).toEqual({ left: 'a', right: 'd' });
  expect(sidesOf(none, offered(['a', 'b']))).toEqual({ left: 'a', right: 'b' });
  expect(sidesOf(none, offered(['a']))).toEqual({ left: 'a', right: 'a' });
  expect(sidesOf(none, offered([]))).toEqual(none);
});

test('what was chosen stays until it goes', () => {
  const chosen = { left: 'd', right: 'b' };
  expect(sidesOf(chosen, offered(['a', 'b'], ['d'], ['c']))).toEqual(chosen);
  expect(sidesOf(chosen, offered(['a', 'b'], [], ['c']))).toEqual({ left: 'a', right: 'b' });
});
