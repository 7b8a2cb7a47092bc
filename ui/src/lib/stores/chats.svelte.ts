// The list of chats, the search in it, and what is done with one or several of them. `chats_changed` refreshes it; the
// messages of a chat are in session.
import { host } from '$host';
import { asError } from '$lib/errors';
import { i18n } from '$lib/i18n/index.svelte';
import type { AppEvent, ChatSummary, ErrorView } from '$lib/ipc/bindings';
import { folders } from './folders.svelte';
import { forget, moved } from './session.svelte';
import { selection } from './selection.svelte';
import { Load } from './load.svelte';

class Chats {
  readonly list = new Load<ChatSummary[]>();
  /** The first answer: what was there when the window opened. */
  ready: Promise<ChatSummary[] | undefined> = Promise.resolve(undefined);
  query = $state('');
  actionError = $state.raw<ErrorView | undefined>(undefined);

  load = async () => {
    const query = this.query.trim();
    const list = await this.list.run(() => (query === '' ? host.chats() : host.chatsSearch(query)));
    if (list) selection.keep(list.map((chat) => chat.id));
    return list;
  };

  onEvent(event: AppEvent): void {
    if (event.kind === 'chats_changed') void this.load();
  }

  rename = (id: string, title: string) => this.#act(() => host.chatRename(id, title));
  remove = (id: string) =>
    this.#act(async () => {
      await host.chatDelete(id);
      forget(id);
    });

  /** To a folder, or out of any with null. True when it was done. */
  move = (ids: readonly string[], folderId: string | null): Promise<boolean> =>
    this.#act(async () => {
      await host.chatsMove([...ids], folderId);
      moved(ids, folderId);
    });

  /** All of them, or none. True when it was done. */
  removeAll = (ids: readonly string[]): Promise<boolean> =>
    this.#act(async () => {
      await host.chatsDelete([...ids]);
      ids.forEach(forget);
    });

  /** A folder with its chats, or without them. */
  removeFolder = (id: string, withChats: boolean): Promise<boolean> =>
    this.#act(async () => {
      const chats = (await host.chats()).filter((one) => one.folder_id === id).map((one) => one.id);
      await host.folderDelete(id, withChats);
      if (withChats) chats.forEach(forget);
      else moved(chats, null);
    });

  /** Saves each of them in a folder that the person chooses; its path, or nothing. */
  async saveAllMarkdown(ids: readonly string[]): Promise<string | undefined> {
    let path: string | null = null;
    await this.#act(async () => (path = await host.chatsSaveMarkdown([...ids], i18n.lang)));
    return path ?? undefined;
  }

  async #act(action: () => Promise<unknown>): Promise<boolean> {
    let done = true;
    try {
      await action();
      this.actionError = undefined;
    } catch (thrown) {
      this.actionError = asError(thrown);
      done = false;
    }
    await Promise.all([this.load(), folders.load()]);
    return done;
  }
}

export const chats = new Chats();
