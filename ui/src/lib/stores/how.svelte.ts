// "How it works": which model shows it, what was asked of it, and what each chapter got. Nothing is asked until the
// person runs a chapter, and what it got stays until it is run again; each answer keeps the name of its model.
import { host } from '$host';
import type {
  CacheSize,
  Fp8View,
  RoutingView,
  SamplingView,
  SparsityView,
  TokenChance,
  TracedAnswer,
} from '$lib/ipc/bindings';
import { Load } from './load.svelte';
import { models } from './models.svelte';
import { worker } from './worker.svelte';

export type Shown<T> = { model: string; view: T };
/** Distributions of the next token, one for each preset and the last for the person's own sampling. */
export type NextTokens = { presets: string[]; chances: TokenChance[][] };
type Text = 'sparsity' | 'routing' | 'drafts' | 'next';

/** A slider moves in many steps. */
const SETTLED = 200;

class How {
  #chosen = $state<string | undefined>(undefined);
  /** What the person typed; the page knows the examples. */
  texts = $state<Partial<Record<Text, string>>>({});
  readonly sparsity = new Load<Shown<SparsityView>>();
  readonly routing = new Load<Shown<RoutingView>>();
  readonly cache = new Load<CacheSize[]>();
  readonly drafts = new Load<Shown<TracedAnswer>>();
  readonly fp8 = new Load<Shown<Fp8View>>();
  readonly next = new Load<Shown<NextTokens>>();
  /** The question of the distributions on show, and what the person wrote of its answer. */
  question = $state('');
  answer = $state('');
  #tuned = $state.raw<Partial<SamplingView>>({});
  #waiting: ReturnType<typeof setTimeout> | undefined;

  /** The chosen model, else the loaded one, else the Guide. */
  readonly modelId = $derived.by(() => {
    const { model_id, state } = worker.view.value ?? {};
    const usable = models.usable;
    const wanted = [
      this.#chosen,
      state === 'ready' ? model_id : undefined,
      usable.find((one) => one.family === 'guide')?.id,
      usable[0]?.id,
    ];
    return wanted.find((id) => id && usable.some((one) => one.id === id)) ?? undefined;
  });

  /** The person's own sampling: the advice for the model until a slider moves. */
  readonly own = $derived.by((): SamplingView | undefined => {
    const all = models.presets.value ?? [];
    const base = all.find((one) => one.id === 'deepseek') ?? all[0];
    return base && { ...models.presetChange(base, this.modelId ?? '').sampling, ...this.#tuned };
  });

  choose = (id: string) => (this.#chosen = id);

  runSparsity = (question: string) => this.#run(this.sparsity, (id) => host.explainSparsity(id, question));
  runRouting = (text: string) => this.#run(this.routing, (id) => host.explainRouting(id, text));
  runDrafts = (question: string) => this.#run(this.drafts, (id) => host.explainDrafts(id, question));
  runFp8 = () => this.#run(this.fp8, (id) => host.explainFp8(id));
  runCache = () => this.cache.run(() => host.explainCache());

  /** Begins an answer to a question. */
  runNext(question: string): Promise<unknown> {
    this.question = question;
    this.answer = '';
    return this.#ask();
  }

  write(text: string): void {
    this.answer += text;
    void this.#ask();
  }

  startAgain(): void {
    this.answer = '';
    void this.#ask();
  }

  tune(change: Partial<SamplingView>): void {
    this.#tuned = { ...this.#tuned, ...change };
    clearTimeout(this.#waiting);
    this.#waiting = setTimeout(() => void this.#ask(), SETTLED);
  }

  #ask(): Promise<unknown> {
    const presets = models.presets.value ?? [];
    const own = this.own;
    const { question, answer } = this;
    return this.#run(this.next, async (id) => {
      const samplings = presets.map((preset) => models.presetChange(preset, id).sampling);
      const chances = await host.explainNextToken({
        model_id: id,
        question,
        answer,
        samplings: own ? [...samplings, own] : samplings,
      });
      return { presets: presets.map((preset) => preset.id), chances };
    });
  }

  #run<T>(load: Load<Shown<T>>, ask: (id: string) => Promise<T>): Promise<unknown> {
    const id = this.modelId;
    if (id === undefined) return Promise.resolve();
    // The model that is loaded may change while the person goes on with this one.
    this.#chosen = id;
    const model = models.byId(id)?.name ?? id;
    return load.run(async () => ({ model, view: await ask(id) }));
  }
}

export const how = new How();
