// The pure parts of folders and of a selection: which chats stand where, what a range selects, and the address of a new
// chat in a folder.
import { expect, test } from 'vitest';
import { layout } from '$lib/components/folders/layout';
import { hrefOf, parseRoute } from '$lib/router/route';
import { ranged, remaining, toggled } from '$lib/stores/selected';
import type { ChatSummary, Folder } from '$lib/ipc/bindings';

const chat = (id: string, folder_id: string | null): ChatSummary => ({
  id,
  title: id,
  model_id: 'guide',
  updated_at: '2026-11-30T00:00:00.000Z',
  answering: false,
  folder_id,
  temporary: false,
  hit: null,
});
const folder = (id: string): Folder => ({ id, name: id, instructions: '', documents: [], chats: 0 });
const ids = (list: readonly { id: string }[]) => list.map(({ id }) => id).join();
const sorted = (selected: ReadonlySet<string>) => [...selected].sort().join();

test('chats stand under their folder, and none is lost where its folder is not known', () => {
  const all = [chat('a', 'law'), chat('b', null), chat('c', 'gone'), chat('d', 'law')];
  const { folders, rest } = layout(all, [folder('art'), folder('law')]);
  expect(folders.map((one) => [one.folder.id, ids(one.chats)])).toEqual([
    ['art', ''],
    ['law', 'a,d'],
  ]);
  expect(ids(rest)).toBe('b,c');
  expect(ids(layout(all, []).rest)).toBe('a,b,c,d');
});

test('a press selects or takes back, and a range goes in either direction', () => {
  const order = ['a', 'b', 'c', 'd', 'e'];
  const one = toggled(new Set(), 'd');
  expect(sorted(one)).toBe('d');
  expect(sorted(toggled(one, 'd'))).toBe('');
  expect(sorted(ranged(one, order, 'd', 'b'))).toBe('b,c,d');
  expect(sorted(ranged(new Set(['a']), order, 'c', 'e'))).toBe('a,c,d,e');
  expect(sorted(ranged(new Set(), order, undefined, 'c'))).toBe('c');
  expect(sorted(ranged(new Set(), order, 'hidden', 'c'))).toBe('c');
  expect(sorted(one)).toBe('d');
});

test('what is gone is selected no more', () => {
  expect(sorted(remaining(new Set(['a', 'b']), ['b', 'c']))).toBe('b');
});

test('a new chat has the address of its folder, and a chat that exists has none', () => {
  const route = { page: 'chat', id: null, model: 'cloud:a/b', folder: 'f 1' } as const;
  expect(hrefOf(route)).toBe('#/chat?model=cloud%3Aa%2Fb&folder=f%201');
  expect(parseRoute(hrefOf(route))).toEqual(route);
  expect(parseRoute('#/chat?folder=f')).toEqual({ page: 'chat', id: null, model: null, folder: 'f' });
  expect(parseRoute('#/chat/c1?folder=f')).toEqual({ page: 'chat', id: 'c1', model: null });
});
