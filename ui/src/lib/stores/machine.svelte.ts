// What this computer has, and with it the verdicts, which follow from it: both are asked for together, so that the numbers
// on a screen are of one moment. Read on start, when a page that shows them opens, and when asked.
import { host } from '$host';
import type { HardwareView } from '$lib/ipc/bindings';
import { Load } from './load.svelte';
import { models } from './models.svelte';

/** Milliseconds in which a page that opens takes what is there. */
const FRESH = 5000;

class Machine {
  readonly view = new Load<HardwareView>();
  measuring = $state(false);
  #last: { at: number; done: Promise<void> } | undefined;

  /** The verdicts after the machine: they are of the look that was taken last. */
  refresh(): Promise<void> {
    const done = this.view.run(() => host.hardware()).then(() => models.load());
    this.#last = { at: performance.now(), done };
    return done;
  }

  /** A page that shows numbers of this computer opens. */
  arrive(): Promise<void> {
    const last = this.#last;
    return last && performance.now() - last.at < FRESH ? last.done : this.refresh();
  }

  async measure(): Promise<void> {
    this.measuring = true;
    await this.view.run(() => host.hardwareMeasure());
    await models.load();
    this.measuring = false;
  }
}

export const machine = new Machine();
