// Whether the chats are open, and the ways on where they are not. Refreshed by load() and by each way that is taken.
import { host } from '$host';
import { asError } from '$lib/errors';
import type { ErrorView, StartView, StartWay } from '$lib/ipc/bindings';
import { Load } from './load.svelte';

class Opening {
  readonly view = new Load<StartView>();
  /** Why the last way led nowhere. */
  error = $state.raw<ErrorView | undefined>(undefined);
  busy = $state(false);

  readonly failure = $derived(this.view.value?.failure ?? undefined);
  /** Why nothing can be sent or changed. */
  readonly readOnly = $derived(this.view.value?.read_only ?? undefined);

  load = () => this.view.run(() => host.startState());

  take = (way: StartWay) => this.#act(async () => this.view.set(await host.startAgain(way)));
  restore = (id: string) =>
    this.#act(async () => {
      await host.backupRestore(id);
      await this.load();
    });
  show = () => this.#act(() => host.showPlace('chats'));

  async #act(act: () => Promise<unknown>): Promise<void> {
    this.busy = true;
    this.error = undefined;
    try {
      await act();
    } catch (thrown) {
      this.error = asError(thrown);
    }
    this.busy = false;
  }
}

export const opening = new Opening();
