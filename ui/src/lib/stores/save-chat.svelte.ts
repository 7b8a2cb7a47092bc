// The dialog that saves or prints a chat: which chat, in what format, and what became of it. The format and the branches
// stay as they were chosen last.
import { host } from '$host';
import { asError } from '$lib/errors';
import { i18n } from '$lib/i18n/index.svelte';
import type { ChatFileFormat, ErrorView } from '$lib/ipc/bindings';
import { fileName } from '$lib/print/file-name';
import { layOut } from '$lib/print/page';

export type SaveFormat = ChatFileFormat | 'print';
type Chat = { id: string; title: string };

class SaveChat {
  chat = $state.raw<Chat | undefined>(undefined);
  format = $state<SaveFormat>('html');
  all = $state(false);
  busy = $state(false);
  /** Where it was saved last. */
  path = $state('');
  error = $state.raw<ErrorView | undefined>(undefined);

  open(chat: Chat): void {
    this.chat = chat;
    this.forget();
  }

  close = (): void => {
    this.chat = undefined;
  };

  /** What was saved in another format. */
  forget(): void {
    this.path = '';
    this.error = undefined;
  }

  async run(): Promise<void> {
    const chat = this.chat;
    if (!chat) return;
    this.forget();
    this.busy = true;
    try {
      if (this.format === 'print') await this.#print(chat);
      else this.path = (await this.#save(chat, this.format)) ?? '';
    } catch (thrown) {
      this.error = asError(thrown);
    } finally {
      this.busy = false;
    }
  }

  #save({ id, title }: Chat, format: ChatFileFormat): Promise<string | null> {
    const kind = format === 'whaledeck' ? i18n.t.nav.fileKind : i18n.t.saveChat.kinds[format];
    const file = { name: fileName(title), kind, format, all_branches: this.all };
    return host.chatSave(id, file, i18n.lang);
  }

  async #print({ id }: Chat): Promise<void> {
    await layOut(await host.chatPage(id, this.all, i18n.lang));
    this.close();
    await host.windowPrint();
  }
}

export const saveChat = new SaveChat();
