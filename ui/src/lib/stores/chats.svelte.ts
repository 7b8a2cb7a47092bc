// The list of chats and the search in it. `chats_changed` refreshes it; the messages of a chat are in session.
import { host } from '$host';
import { asError } from '$lib/errors';
import { i18n } from '$lib/i18n/index.svelte';
import type { AppEvent, ChatSummary, ErrorView } from '$lib/ipc/bindings';
import { forget } from './session.svelte';
import { Load } from './load.svelte';

class Chats {
  readonly list = new Load<ChatSummary[]>();
  /** The first answer: what was there when the window opened. */
  ready: Promise<ChatSummary[] | undefined> = Promise.resolve(undefined);
  query = $state('');
  actionError = $state.raw<ErrorView | undefined>(undefined);

  load = () => {
    const query = this.query.trim();
    return this.list.run(() => (query === '' ? host.chats() : host.chatsSearch(query)));
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

  /** Saves a chat with its pictures where the person says; the path, or nothing. */
  async save(id: string, name: string, kind: string): Promise<string | undefined> {
    let path: string | null = null;
    await this.#act(async () => (path = await host.chatExport(id, name, kind)));
    return path ?? undefined;
  }

  /** Saves the selected branch as Markdown where the person says; the path, or nothing. */
  async saveMarkdown(id: string, name: string): Promise<string | undefined> {
    let path: string | null = null;
    await this.#act(async () => (path = await host.chatSaveMarkdown(id, name, i18n.lang)));
    return path ?? undefined;
  }

  async #act(action: () => Promise<unknown>): Promise<void> {
    try {
      await action();
      this.actionError = undefined;
    } catch (thrown) {
      this.actionError = asError(thrown);
    }
    await this.load();
  }
}

export const chats = new Chats();
