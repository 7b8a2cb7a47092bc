// Folders of the mock host: one with instructions, a document and two chats, and an empty one.
import type { ChatView, ErrorView, Folder } from '$lib/ipc/bindings';
import { ANSWER, emptyChat, message, stats } from './data';
import * as documents from './documents';

type Stored = Omit<Folder, 'chats'>;

let stored: Stored[] = [];
let next = 1;

const failure = (code: ErrorView['code'], action: string): ErrorView => ({
  code,
  message: action,
  detail: {},
});

export function begin(some: boolean): void {
  stored = some
    ? [
        { id: 'f-town', name: 'Town council', instructions: 'Cite the bylaws.', documents: [documents.book] },
        { id: 'f-empty', name: '读书笔记', instructions: '', documents: [] },
      ]
    : [];
}

/** Five chats, of which two are in a folder. */
export function chats(): ChatView[] {
  const chat = (id: string, title: string, folder_id: string | null): ChatView => ({
    ...emptyChat(id),
    title,
    folder_id,
    messages: [
      message(`${id}-m1`, null, 'user', title),
      message(`${id}-m2`, `${id}-m1`, 'assistant', ANSWER, { stats }),
    ],
  });
  return [
    chat('c1', 'Who pays the harbour fees?', 'f-town'),
    chat('c2', 'When does the council meet?', 'f-town'),
    chat('c3', 'What do the presets change?', null),
    chat('c4', 'Which model for a 24 GB GPU?', null),
    chat('c5', '混合专家是什么意思？', null),
  ];
}

/** By name, as the app has them. */
export const all = (list: readonly ChatView[]): Folder[] =>
  stored
    .map((one) => ({ ...one, chats: list.filter((chat) => chat.folder_id === one.id).length }))
    .sort((a, b) => a.name.localeCompare(b.name, 'en'));

export function find(id: string): Stored {
  const found = stored.find((one) => one.id === id);
  if (!found) throw failure('folder_not_found', `find folder ${id}`);
  return found;
}

export function create(name: string, instructions: string): string {
  if (name.includes('refuse')) throw failure('disk_full', 'write the history: the disk is full');
  const id = `f-new-${next++}`;
  stored = [...stored, { id, name: name.trim(), instructions, documents: [] }];
  return id;
}

export function change(id: string, name: string, instructions: string): string {
  Object.assign(find(id), { name: name.trim(), instructions });
  return id;
}

export function remove(id: string): void {
  find(id);
  stored = stored.filter((one) => one.id !== id);
}

export function addDocument(id: string, document: string): string {
  const folder = find(id);
  const others = folder.documents.filter((one) => one.id !== document);
  folder.documents = [...others, ...documents.get(document)];
  return id;
}

export function removeDocument(id: string, document: string): string {
  const folder = find(id);
  folder.documents = folder.documents.filter((one) => one.id !== document);
  return id;
}
