// Folders of chats: the list, which of them are open in the sidebar, and the dialog that is shown. `chats_changed`
// refreshes the list.
import { host } from '$host';
import { asError } from '$lib/errors';
import type { AppEvent, DocumentView, ErrorView, Folder } from '$lib/ipc/bindings';
import { Load } from './load.svelte';

/** `chats` are moved into a new folder once it is there. */
export type FolderDialog =
  | { kind: 'edit'; folder: Folder | undefined; chats: readonly string[] }
  | { kind: 'move'; chats: readonly string[] }
  | { kind: 'delete'; folder: Folder };

class Folders {
  readonly list = new Load<Folder[]>();
  dialog = $state.raw<FolderDialog | undefined>(undefined);
  /** Opened or closed by hand, until the page is loaded again. */
  #toggled = $state.raw<ReadonlyMap<string, boolean>>(new Map());

  load = () => this.list.run(() => host.folders());

  onEvent(event: AppEvent): void {
    if (event.kind === 'chats_changed') void this.load();
  }

  byId(id: string | null | undefined): Folder | undefined {
    return this.list.value?.find((one) => one.id === id);
  }

  /** Without a choice, the folder of the open chat is open. */
  isOpen(id: string, current: string | null | undefined): boolean {
    return this.#toggled.get(id) ?? id === current;
  }

  toggle(id: string, open: boolean): void {
    this.#toggled = new Map([...this.#toggled, [id, open]]);
  }

  create = (chats: readonly string[] = []): void => {
    this.dialog = { kind: 'edit', folder: undefined, chats };
  };

  close = (): void => {
    this.dialog = undefined;
  };

  /** The folder as it is stored afterwards, also where a later step failed; and the error of that step. */
  async save(
    folder: Folder | undefined,
    wanted: { name: string; instructions: string; documents: readonly DocumentView[] },
  ): Promise<{ folder: Folder | undefined; error: ErrorView | undefined }> {
    const { name, instructions, documents } = wanted;
    let stored = folder;
    try {
      stored =
        stored === undefined
          ? await host.folderCreate(name, instructions)
          : await host.folderChange(stored.id, name, instructions);
      const has = (list: readonly DocumentView[], id: string) => list.some((one) => one.id === id);
      for (const { id } of stored.documents.filter((one) => !has(documents, one.id)))
        stored = await host.folderDocumentRemove(stored.id, id);
      for (const { id } of documents)
        if (!has(stored.documents, id)) stored = await host.folderDocumentAdd(stored.id, id);
      return { folder: stored, error: undefined };
    } catch (thrown) {
      return { folder: stored, error: asError(thrown) };
    } finally {
      await this.load();
    }
  }
}

export const folders = new Folders();
