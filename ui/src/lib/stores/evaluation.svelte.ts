// One evaluation of a preset: what is chosen, how far it is, and the last result. Lives as long as the window, so that it goes
// on while the person looks at another page.
import { host } from '$host';
import { asError } from '$lib/errors';
import type {
  ErrorView,
  EvaluationEvent,
  EvaluationResult,
  EvaluationSet,
  WhenBusy,
} from '$lib/ipc/bindings';
import { clouds, isCloud } from './clouds.svelte';
import { deployments, isDeployment } from './deployments.svelte';
import { how } from './how.svelte';
import { models } from './models.svelte';

export type Run = {
  model: string;
  set: EvaluationSet;
  done: number;
  /** 0 until the model is ready. */
  total: number;
  /** Seconds since the model was ready. */
  seconds: number;
};

const nameOf = (id: string): string =>
  isCloud(id)
    ? clouds.labelOf(id)
    : isDeployment(id)
      ? deployments.labelOf(id)
      : (models.byId(id)?.name ?? id);

class Evaluation {
  set = $state<EvaluationSet>('factual');
  rounds = $state(3);
  #chosen = $state<string | undefined>(undefined);
  run = $state.raw<Run | undefined>(undefined);
  stopping = $state(false);
  stopped = $state(false);
  error = $state.raw<ErrorView | undefined>(undefined);
  /** The name of a model that may be gone since. */
  result = $state.raw<{ model: string; value: EvaluationResult } | undefined>(undefined);
  #began = 0;

  /** The chosen one, else that of the page. */
  readonly modelId = $derived(this.#chosen ?? how.modelId ?? '');

  choose = (id: string) => (this.#chosen = id);

  async start(whenBusy: WhenBusy = 'ask'): Promise<void> {
    const { modelId, set } = this;
    if (this.run || modelId === '') return;
    const model = nameOf(modelId);
    // The model of the page may change while the person goes on with this one.
    this.#chosen = modelId;
    this.run = { model, set, done: 0, total: 0, seconds: 0 };
    this.error = undefined;
    this.stopping = this.stopped = false;
    try {
      await host.evaluationStart(
        {
          model_id: modelId,
          set,
          preset_id: null,
          seeds: this.rounds,
          prompts: null,
          max_tokens: null,
          when_busy: whenBusy,
        },
        (event) => this.#take(model, event),
      );
    } catch (thrown) {
      this.error = asError(thrown);
      this.run = undefined;
    }
  }

  async stop(): Promise<void> {
    if (this.stopping) return;
    this.stopping = true;
    try {
      await host.evaluationStop();
      // One that this window did not start has no event to wait for.
      if (!this.run) this.error = undefined;
    } catch (thrown) {
      this.error = asError(thrown);
    }
    if (!this.run || this.error) this.stopping = false;
  }

  #take(model: string, event: EvaluationEvent): void {
    if (event.kind === 'progress') {
      if (!this.run) return;
      if (this.run.total === 0) this.#began = performance.now();
      const { done, total } = event;
      this.run = { ...this.run, done, total, seconds: (performance.now() - this.#began) / 1000 };
      return;
    }
    this.run = undefined;
    this.stopping = false;
    if (event.kind === 'finished') this.result = { model, value: event.result };
    if (event.kind === 'failed') this.error = event.error;
    this.stopped = event.kind === 'stopped';
  }
}

export const evaluation = new Evaluation();
