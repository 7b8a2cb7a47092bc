// Links that were opened outside the page, and what was chosen in the tray or a notification: leads to their place. The
// beginning of a chat that a link makes is taken by the chat page.
import { host } from '$host';
import { newChat, router } from '$lib/router/router.svelte';

/** What the message box of a new chat holds at first. */
type Beginning = { text: string; temporary: boolean };

class Links {
  /** Of a new chat, until its page has taken it. */
  beginning = $state.raw<Beginning | undefined>(undefined);
  /** What Models is to look for, until its page has taken it. */
  search = $state.raw<string | undefined>(undefined);

  /** Follows the link that waits, if there is one. True then. */
  async follow(): Promise<boolean> {
    const link = await host.linkTake().catch(() => null);
    if (link === null) return false;
    switch (link.kind) {
      case 'new_chat':
        this.beginning = { text: link.text, temporary: link.temporary };
        router.go(newChat(link.model_id));
        break;
      case 'chat':
        router.go({ page: 'chat', id: link.id, model: null });
        break;
      case 'models':
        this.search = link.search === '' ? undefined : link.search;
        router.go({ page: 'models' });
        break;
    }
    return true;
  }

  takeBeginning(): Beginning | undefined {
    const taken = this.beginning;
    this.beginning = undefined;
    return taken;
  }
  takeSearch(): string | undefined {
    const taken = this.search;
    this.search = undefined;
    return taken;
  }
}

export const links = new Links();
