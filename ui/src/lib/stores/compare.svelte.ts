// One question to two models: what is asked and how each side goes. Lives as long as the window; nothing of it is stored.
import { host } from '$host';
import { asError } from '$lib/errors';
import type { CompareEvent, CompareResult, ErrorView, SamplingView, Side, WhenBusy } from '$lib/ipc/bindings';
import { Load } from './load.svelte';

export class Answer {
  text = $state('');
  reasoning = $state('');
  asked = $state(false);
  result = $state.raw<CompareResult | undefined>(undefined);
  error = $state.raw<ErrorView | undefined>(undefined);
  readonly modelId: string;

  constructor(modelId: string) {
    this.modelId = modelId;
  }
}

class Compare {
  text = $state('');
  system = $state('');
  /** A preset for both sides; empty for what is advised for each. */
  preset = $state('');
  models = $state<Record<Side, string>>({ left: '', right: '' });
  answers = $state.raw<Record<Side, Answer> | undefined>(undefined);
  running = $state(false);
  stopping = $state(false);
  error = $state.raw<ErrorView | undefined>(undefined);
  /** Where prices are looked for. */
  readonly prices = new Load<string>();

  async ask(sampling: SamplingView | null, whenBusy: WhenBusy = 'ask'): Promise<void> {
    if (this.running || this.text.trim() === '') return;
    const { left, right } = this.models;
    const answers = { left: new Answer(left), right: new Answer(right) };
    this.error = undefined;
    this.answers = answers;
    this.running = true;
    this.stopping = false;
    try {
      await host.compareStart(
        { text: this.text, system_prompt: this.system, left, right, sampling, when_busy: whenBusy },
        (event) => this.#take(answers, event),
      );
    } catch (thrown) {
      this.error = asError(thrown);
      this.answers = undefined;
      this.running = false;
    }
  }

  async stop(): Promise<void> {
    if (!this.running || this.stopping) return;
    this.stopping = true;
    await host.compareStop().catch((thrown: unknown) => (this.error = asError(thrown)));
  }

  #take(answers: Record<Side, Answer>, event: CompareEvent): void {
    const answer = answers[event.side];
    switch (event.kind) {
      case 'asked':
        answer.asked = true;
        break;
      case 'delta':
        answer.text += event.text;
        answer.reasoning += event.reasoning;
        break;
      case 'failed':
        answer.error = event.error;
        answer.result = event.result;
        break;
      case 'finished':
        answer.result = event.result;
        break;
    }
    if (answers.left.result && answers.right.result && this.answers === answers) this.running = false;
  }
}

export const compare = new Compare();
