// "Can I run it?": what is asked, what holds it, and a plan for other machines. Asked again at every change; nothing else
// changes it but the memory that is free here, which the page asks for when it opens.
import { host } from '$host';
import type { OfferView, PlanOutcome, SizingView, SizingWish } from '$lib/ipc/bindings';
import { Load } from './load.svelte';

class Sizing {
  wish = $state.raw<SizingWish>({
    model: 'deepseek-r1',
    variant: null,
    context: 32768,
    sequences: 1,
    small_cache: false,
    machines: '8xH100-80G',
  });
  /** Empty: the first that serves the files. */
  engine = $state('');
  ray = $state(false);
  /** Machines of the plan that is on show. */
  planned = $state<string | undefined>(undefined);
  readonly view = new Load<SizingView>();
  readonly plan = new Load<PlanOutcome>();

  readonly precision = $derived.by(() => {
    const view = this.view.value;
    return view?.variants.find((one) => one.id === view.variant_id)?.precision ?? '';
  });

  load = () => this.view.run(() => host.sizing(this.wish));

  async ask(change: Partial<SizingWish>): Promise<void> {
    const other = change.model !== undefined && change.model !== this.wish.model;
    this.wish = { ...this.wish, ...(other ? { variant: null } : {}), ...change };
    if (other) this.planned = undefined;
    await this.load();
    // Other files may be of another form, which another engine reads.
    if (change.model !== undefined || change.variant !== undefined) this.engine = '';
    if (this.planned !== undefined) await this.#draw();
  }

  /** The one that is on show. */
  readonly planEngine = $derived(
    this.engine || (this.plan.value?.outcome === 'plan' ? this.plan.value.engine : ''),
  );

  async makePlan(machines: string, change: { engine?: string; ray?: boolean } = {}): Promise<void> {
    this.engine = change.engine ?? this.engine;
    this.ray = change.ray ?? this.ray;
    this.planned = machines;
    await this.#draw();
  }

  /** Takes what a refusal offers, with the files that it is of. */
  async take(offer: OfferView): Promise<void> {
    this.engine = offer.engine;
    this.planned = offer.machines;
    const variant = this.view.value?.variants.find((one) => one.precision === offer.precision);
    if (variant && variant.id !== this.view.value?.variant_id) {
      this.wish = { ...this.wish, variant: variant.id };
      await this.load();
    }
    await this.#draw();
  }

  async #draw(): Promise<void> {
    const machines = this.planned;
    if (machines === undefined) return;
    const { model, context, sequences } = this.wish;
    await this.plan.run(() =>
      host.plan({
        model,
        engine: this.engine,
        machines,
        precision: this.precision || null,
        context,
        sequences,
        ray: this.ray && this.planEngine === 'vllm',
      }),
    );
  }
}

export const sizing = new Sizing();
