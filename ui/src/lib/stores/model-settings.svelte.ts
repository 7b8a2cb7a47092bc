// The settings of one model while their dialog is open: what is stored, what is chosen, and the memory that follows
// from the choice. Every change asks for the memory again; a late answer is dropped.
import { host } from '$host';
import { asError } from '$lib/errors';
import type {
  ErrorView,
  MemoryForecast,
  ModelSettings,
  ModelSettingsView,
  WorkerMemory,
} from '$lib/ipc/bindings';
import { Load } from './load.svelte';
import { NOT_CHOSEN } from './not-chosen';

export class ModelSettingsForm {
  readonly view = new Load<ModelSettingsView>();
  readonly forecast = new Load<MemoryForecast>();
  readonly measured = new Load<WorkerMemory | null>();
  chosen = $state.raw<ModelSettings>(NOT_CHOSEN);
  saveError = $state.raw<ErrorView | undefined>(undefined);
  readonly #modelId: string;

  constructor(modelId: string) {
    this.#modelId = modelId;
  }

  async load(loaded: boolean): Promise<void> {
    const view = await this.view.run(() => host.modelSettings(this.#modelId));
    if (!view) return;
    this.change(view.settings);
    if (loaded) await this.measured.run(() => host.workerMemory());
  }

  change(changed: Partial<ModelSettings>): void {
    const settings = { ...this.chosen, ...changed };
    this.chosen = settings;
    this.saveError = undefined;
    void this.forecast.run(() => host.modelMemory(this.#modelId, settings));
  }

  /** Whether they were stored. */
  async save(): Promise<boolean> {
    try {
      this.view.set(await host.modelSettingsSave(this.#modelId, this.chosen));
      return true;
    } catch (thrown) {
      this.saveError = asError(thrown);
      return false;
    }
  }
}
