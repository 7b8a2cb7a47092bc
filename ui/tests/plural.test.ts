import { expect, test } from 'vitest';
import { compareEn, compareZh } from '$lib/i18n/compare';
import { contextEn, contextZh } from '$lib/i18n/context';
import { en, type Messages } from '$lib/i18n/en';
import { counted, noun } from '$lib/i18n/plural';
import { zh } from '$lib/i18n/zh';

test('a noun is singular for one and only one', () => {
  expect([0, 1, 2, 21].map((n) => counted(n, 'machine', 'machines'))).toEqual([
    '0 machines',
    '1 machine',
    '2 machines',
    '21 machines',
  ]);
  expect(counted(2048, 'token', 'tokens', '2,048')).toBe('2,048 tokens');
  expect(noun(1, 'is', 'are')).toBe('is');
});

/** Every sentence of the interface whose first argument may be a count, said with one and with two. */
function said(messages: Messages): { path: string; one: string; two: string }[] {
  const found: { path: string; one: string; two: string }[] = [];
  const walk = (value: unknown, path: string): void => {
    if (typeof value === 'function') {
      const all = Array.from({ length: value.length }, (_, at) => at);
      const say = (count: number) =>
        String((value as (...args: unknown[]) => unknown)(...all.map(() => count)));
      found.push({ path, one: say(1), two: say(2) });
    } else if (typeof value === 'object' && value !== null)
      Object.entries(value).forEach(([name, inner]) => walk(inner, path === '' ? name : `${path}.${name}`));
  };
  walk(messages, '');
  return found;
}

test('no English sentence has one of several things', () => {
  const nouns = [
    'file',
    'machine',
    'card',
    'picture',
    'model',
    'message',
    'token',
    'request',
    'conversation',
    'core',
    'thread',
    'page',
    'word',
    'tile',
    'graphics card',
    'oldest message',
  ];
  const plural = new RegExp(`\\b1 (${nouns.map((one) => `${one}s`).join('|')})\\b`);
  const single = new RegExp(`\\b2 (${nouns.join('|')})\\b(?! at)`);
  for (const { path, one, two } of said(en)) {
    if (UNCOUNTED.has(path)) continue;
    expect.soft(plural.exec(one)?.[0], `${path}: ${one}`).toBeUndefined();
    expect.soft(single.exec(two)?.[0], `${path}: ${two}`).toBeUndefined();
  }
});

/** Their numbers arrive written out ("about 24 pages", "2,048") and are never one. */
const UNCOUNTED = new Set([
  'format.pages',
  'models.speed',
  'models.context',
  'models.contextOf',
  'context.words',
  'context.longer',
  'context.overBy',
  'context.overUnknown',
  'pictures.tokens',
  'pictures.sum',
  'sizing.speed',
  'sizing.deploy.room',
  'sizing.deploy.conversations',
  'chat.speed',
]);

test('both languages have the same sentences', () => {
  expect(said(zh).map(({ path }) => path)).toEqual(said(en).map(({ path }) => path));
  expect(Object.keys(contextZh)).toEqual(Object.keys(contextEn));
  expect(Object.keys(compareZh)).toEqual(Object.keys(compareEn));
});
