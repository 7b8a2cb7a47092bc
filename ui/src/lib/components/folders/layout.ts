// Which chats stand under which folder in the list. Pure.
import type { ChatSummary, Folder } from '$lib/ipc/bindings';

type Layout = { folders: { folder: Folder; chats: ChatSummary[] }[]; rest: ChatSummary[] };

/** Chats of a folder that is not in the list stand with the rest: none is lost from sight. */
export function layout(chats: readonly ChatSummary[], folders: readonly Folder[]): Layout {
  const known = new Set(folders.map((folder) => folder.id));
  return {
    folders: folders.map((folder) => ({
      folder,
      chats: chats.filter((chat) => chat.folder_id === folder.id),
    })),
    rest: chats.filter((chat) => chat.folder_id === null || !known.has(chat.folder_id)),
  };
}
