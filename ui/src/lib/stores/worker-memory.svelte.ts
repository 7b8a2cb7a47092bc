// What the loaded model takes of memory while somebody looks at it. Asked by what happens, not by a clock.
import { host } from '$host';
import type { WorkerMemory } from '$lib/ipc/bindings';
import { Load } from './load.svelte';

/** Milliseconds between two questions while an answer grows. */
const APART = 1000;

export class MemoryWatch {
  readonly view = new Load<WorkerMemory | null>();
  #asked = 0;

  ask(): void {
    this.#asked = performance.now();
    void this.view.run(() => host.workerMemory());
  }

  /** As often as tokens arrive, and no more than once a second. */
  askSeldom(): void {
    if (performance.now() - this.#asked >= APART) this.ask();
  }
}
