// The model offered to other programs: where, to whose keys, and who came. `sharing_changed` asks for it again.
import { host } from '$host';
import { asError } from '$lib/errors';
import type {
  AppEvent,
  ErrorView,
  NewSharingKey,
  SharingRequest,
  SharingSpec,
  SharingView,
} from '$lib/ipc/bindings';
import { Load } from './load.svelte';

class Sharing {
  readonly view = new Load<SharingView>();
  readonly requests = new Load<SharingRequest[]>();
  error = $state.raw<ErrorView | undefined>(undefined);
  busy = $state(false);
  /** The key that was made last, until the person says that it is kept. */
  made = $state.raw<NewSharingKey | undefined>(undefined);

  load = () => this.view.run(() => host.sharing());
  loadRequests = () => this.requests.run(() => host.sharingRequests());

  /** Of the network, while it is open to it. */
  readonly open = $derived(this.view.value?.beyond ? this.view.value.addresses.at(-1) : undefined);

  onEvent(event: AppEvent): void {
    if (event.kind === 'sharing_changed' || event.kind === 'worker_changed') void this.load();
  }

  save = (spec: SharingSpec) => this.#act(async () => this.view.set(await host.sharingSave(spec)));

  close(): void {
    const spec = this.view.value?.spec;
    if (spec) void this.save({ ...spec, on: false });
  }

  addKey = (name: string, days: number | null) =>
    this.#act(async () => {
      this.made = await host.sharingKeyAdd(name, days);
    });
  removeKey = (id: string) => this.#act(() => host.sharingKeyRemove(id));

  async #act(act: () => Promise<unknown>): Promise<boolean> {
    this.busy = true;
    this.error = undefined;
    try {
      await act();
      await this.load();
    } catch (thrown) {
      this.error = asError(thrown);
    }
    this.busy = false;
    return this.error === undefined;
  }
}

export const sharing = new Sharing();
