// What this computer has. Read on start, when asked, and when models came or went: they change the room on the disk.
import { host } from '$host';
import type { HardwareView } from '$lib/ipc/bindings';
import { Load } from './load.svelte';

class Machine {
  readonly view = new Load<HardwareView>();
  measuring = $state(false);

  load = () => this.view.run(() => host.hardware());

  async measure(): Promise<void> {
    this.measuring = true;
    await this.view.run(() => host.hardwareMeasure());
    this.measuring = false;
  }
}

export const machine = new Machine();
