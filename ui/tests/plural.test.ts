import { expect, test } from 'vitest';
import { fill, names } from '$lib/format/template';
import { words } from '$lib/i18n/catalogue';
import { isMessage, type Words } from '$lib/i18n/words';

test('a noun is singular for one and only one', () => {
  const say = (count: string) => fill('{count|machine|machines}', () => count);
  expect(['0', '1', '2', '21', '2,048'].map(say)).toEqual([
    '0 machines',
    '1 machine',
    '2 machines',
    '21 machines',
    '2,048 machines',
  ]);
});

/** Every English sentence with values, said with one of everything and with two. */
function said(group: Words, path = ''): { path: string; one: string; two: string }[] {
  return Object.entries(group).flatMap(([key, node]) => {
    if (!isMessage(node)) return said(node, `${path}${key}.`);
    const text = node.en;
    if (typeof text !== 'string' || names(text).length === 0) return [];
    const say = (count: string) => fill(text, () => count);
    return [{ path: `${path}${key}`, one: say('1'), two: say('2') }];
  });
}

test('no English sentence has one of several things', () => {
  const nouns = [
    'file',
    'machine',
    'card',
    'picture',
    'image',
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
  for (const { path, one, two } of said(words)) {
    if (UNCOUNTED.has(path)) continue;
    expect.soft(plural.exec(one)?.[0], `${path}: ${one}`).toBeUndefined();
    expect.soft(single.exec(two)?.[0], `${path}: ${two}`).toBeUndefined();
  }
});

/** Never said of one: their numbers arrive written out ("about 24 pages", "2,048"), or one has a sentence of its own. */
const UNCOUNTED = new Set([
  'format.pages',
  'models.context',
  'models.contextOf',
  'context.words',
  'context.leaveOut',
  'context.longer',
  'context.overBy',
  'context.overUnknown',
  'pictures.cut',
  'pictures.tokens',
  'documents.tokens',
  'pictures.sum',
  'sizing.inMachines',
  'sizing.speed',
  'plan.room',
  'plan.conversation',
  'plan.conversations',
  'plan.memoryOfEach',
  'plan.offerConversations',
  'chat.speed',
]);
