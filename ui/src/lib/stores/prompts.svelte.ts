// The library of prompts, and the prompt that is being written. Loaded when it is looked at, and again when the language of
// the examples changes.
import { host } from '$host';
import { asError } from '$lib/errors';
import { i18n } from '$lib/i18n/index.svelte';
import type { ErrorView, PromptDraft, PromptLibrary } from '$lib/ipc/bindings';
import { Load } from './load.svelte';

const FILE = 'whaledeck-prompts.json';

class Prompts {
  readonly view = new Load<PromptLibrary>();
  /** In the dialog over the page. */
  draft = $state.raw<PromptDraft | undefined>(undefined);
  error = $state.raw<ErrorView | undefined>(undefined);
  /** What a file got or gave. */
  said = $state('');

  readonly own = $derived(this.view.value?.prompts.filter((one) => !one.example) ?? []);
  readonly examples = $derived(this.view.value?.prompts.filter((one) => one.example) ?? []);

  load = () => this.view.run(() => host.prompts(i18n.lang));

  /** The text of the clipboard; empty where there is none, or nobody may read it. */
  async clipboard(): Promise<string> {
    const text = await host.clipboardText().catch(() => '');
    return text || (await navigator.clipboard.readText().catch(() => ''));
  }

  /** Opens the dialog with a new prompt. */
  begin(text: string): void {
    this.draft = { id: null, name: '', text };
  }

  /** Rejects with what went wrong, for the form that asked. */
  async save(draft: PromptDraft): Promise<void> {
    await host.promptSave(draft, i18n.lang);
    this.draft = undefined;
    await this.load();
  }

  remove = (id: string) => this.#act(() => host.promptRemove(id));
  showExamples = () => this.#act(() => host.promptExamplesShow());

  exportAll = () =>
    this.#act(async () => {
      const path = await host.promptsExport(FILE, i18n.t.prompts.fileKind);
      if (path !== null) this.said = i18n.t.prompts.exported({ path });
    });

  importAll = () =>
    this.#act(async () => {
      const count = await host.promptsImport(i18n.t.prompts.fileKind, i18n.lang);
      if (count !== null) this.said = i18n.t.prompts.imported({ count });
    });

  async #act(action: () => Promise<unknown>): Promise<void> {
    this.said = '';
    this.error = undefined;
    try {
      await action();
    } catch (thrown) {
      this.error = asError(thrown);
    }
    await this.load();
  }
}

export const prompts = new Prompts();
