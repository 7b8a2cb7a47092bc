// Backups of the chats. `backups_changed` asks for them again.
import { host } from '$host';
import { asError } from '$lib/errors';
import type { AppEvent, BackupsView, ErrorView } from '$lib/ipc/bindings';
import { Load } from './load.svelte';

class Backups {
  readonly view = new Load<BackupsView>();
  error = $state.raw<ErrorView | undefined>(undefined);
  busy = $state(false);

  load = () => this.view.run(() => host.backups());

  onEvent(event: AppEvent): void {
    if (event.kind === 'backups_changed') void this.load();
  }

  create = () => this.#act(() => host.backupCreate());
  show = () => this.#act(() => host.showPlace('backups'));

  /** Puts one in the place of the chats; whether it did. */
  restore = (id: string) => this.#act(async () => this.view.set(await host.backupRestore(id)));

  async #act(act: () => Promise<unknown>): Promise<boolean> {
    this.busy = true;
    this.error = undefined;
    try {
      await act();
    } catch (thrown) {
      this.error = asError(thrown);
    }
    this.busy = false;
    return this.error === undefined;
  }
}

export const backups = new Backups();
