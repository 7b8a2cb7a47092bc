// Programs that use the local API server, and the vault of Obsidian. Asked for anew whenever the page opens: their
// settings change without the app. A key that was made is with the component that shows it and not here.
import { host } from '$host';
import type {
  ConnectDone,
  ConnectPlan,
  ConnectProgram,
  ConnectRequest,
  ConnectUndone,
} from '$lib/ipc/bindings';
import { Load } from './load.svelte';
import { sharing } from './sharing.svelte';

class Connect {
  readonly list = new Load<ConnectProgram[]>();
  /** The folder that the user chose in this session. */
  vault = $state<string | null>(null);

  load = () => this.list.run(() => host.connectPrograms(this.vault));

  async chooseVault(): Promise<void> {
    const folder = await host.pickFolder().catch(() => null);
    if (folder === null) return;
    this.vault = folder;
    await this.load();
  }

  requestOf = (program: ConnectProgram, model_id: string): ConnectRequest => ({
    program_id: program.id,
    model_id,
    vault: this.#vaultOf(program),
  });

  /** Each rejects with what went wrong, for the row that asked. */
  plan = (request: ConnectRequest): Promise<ConnectPlan> => host.connectPlan(request);

  async apply(request: ConnectRequest, digest: string): Promise<ConnectDone> {
    const done = await host.connectApply(request, digest);
    await this.#refresh();
    return done;
  }

  async undo(program: ConnectProgram): Promise<ConnectUndone> {
    const undone = await host.connectUndo(program.id, this.#vaultOf(program));
    await this.#refresh();
    return undone;
  }

  #vaultOf = (program: ConnectProgram): string | null => (program.needs_vault ? this.vault : null);

  /** The keys have changed as well. */
  async #refresh(): Promise<void> {
    await Promise.all([this.load(), sharing.load()]);
  }
}

export const connect = new Connect();
