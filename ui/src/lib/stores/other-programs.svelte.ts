// The models that other programs have on this computer. The app says which of them are in the list already, so they are
// looked for again after each that is added.
import { host } from '$host';
import type { ErrorView, ModelView, OtherProgramModel } from '$lib/ipc/bindings';
import { Load } from './load.svelte';
import { models } from './models.svelte';

class OtherPrograms {
  readonly list = new Load<OtherProgramModel[]>();
  /** The path of the model that is being added. */
  adding = $state<string | undefined>(undefined);
  /** The model that was refused last, and why. */
  refused = $state.raw<{ path: string; error: ErrorView } | undefined>(undefined);

  look = (): Promise<OtherProgramModel[] | undefined> => this.list.run(() => host.modelsFound());

  async add(path: string): Promise<ModelView | undefined> {
    this.adding = path;
    this.refused = undefined;
    const model = await models.import(path);
    const error = models.importError;
    // Its words are beside the model and not where a file is chosen.
    models.importError = undefined;
    if (!model && error) this.refused = { path, error };
    this.adding = undefined;
    return model;
  }
}

export const otherPrograms = new OtherPrograms();
