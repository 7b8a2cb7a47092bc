// The process that runs the model: what is loaded and how far loading is. `worker_changed` refreshes it.
import { host } from '$host';
import type { AppEvent, WorkerView } from '$lib/ipc/bindings';
import { Load } from './load.svelte';

class Worker {
  readonly view = new Load<WorkerView>();

  load = () => this.view.run(() => host.worker());
  start = (modelId: string) => this.view.run(() => host.workerStart(modelId));

  /** After a card was lost: until the app ends. */
  onProcessor = () => host.useProcessor();

  /** The next question loads the model again. */
  async unload(): Promise<void> {
    await this.view.run(async () => {
      await host.workerStop();
      return host.worker();
    });
  }

  onEvent(event: AppEvent): void {
    if (event.kind === 'worker_changed') this.view.set(event.worker);
  }
}

export const worker = new Worker();
