// Engines on machines: what runs where, what it measures and what it says. The app pushes every change; the list is asked for
// again when one came or went.
import { host } from '$host';
import { asError } from '$lib/errors';
import type {
  AppEvent,
  DeploymentLine,
  DeploymentSpec,
  DeploymentView,
  ErrorView,
  PlanOutcome,
} from '$lib/ipc/bindings';
import { Load } from './load.svelte';

const PREFIX = 'deployment:';
/** As many as the app keeps. */
const POINTS = 150;
const LINES = 2000;

export const isDeployment = (modelId: string): boolean => modelId.startsWith(PREFIX);

/** A plan that another page made, to be started here. */
export type Draft = {
  model: string;
  engine: string;
  precision: string;
  people: number;
  context: number;
  machines: string;
};

class Deployments {
  draft = $state.raw<Draft | undefined>(undefined);
  readonly list = new Load<DeploymentView[]>();
  /** What was said, of those whose log was opened. */
  lines = $state.raw<Record<string, DeploymentLine[]>>({});
  errors = $state.raw<Record<string, ErrorView>>({});
  /** The one that is being stopped, started or removed. */
  busy = $state<string | undefined>(undefined);

  load = () => this.list.run(() => host.deployments());

  readonly ready = $derived((this.list.value ?? []).filter((one) => one.state === 'ready'));

  of(modelId: string): DeploymentView | undefined {
    return isDeployment(modelId) ? this.list.value?.find((one) => one.chat_model === modelId) : undefined;
  }

  /** Its own name, also where it is gone. */
  labelOf(modelId: string): string {
    const one = this.of(modelId);
    return one ? `${one.name} · ${one.engine}` : modelId.slice(PREFIX.length);
  }

  /** Its machines in words; the bare name where it is gone. */
  placeOf(modelId: string, words: { here: string; and: string }): string {
    const machines = this.of(modelId)?.machines.map((name) => (name === 'here' ? words.here : name));
    return machines?.join(words.and) ?? modelId.slice(PREFIX.length);
  }

  onEvent(event: AppEvent): void {
    switch (event.kind) {
      case 'deployments_changed':
        void this.load();
        break;
      case 'deployment_changed': {
        const known = this.list.value?.some((one) => one.id === event.deployment.id);
        if (known) this.#put(event.deployment);
        else void this.load();
        break;
      }
      case 'deployment_measured': {
        const one = this.list.value?.find((it) => it.id === event.id);
        if (one) this.#put({ ...one, points: [...one.points, event.point].slice(-POINTS) });
        break;
      }
      case 'deployment_said': {
        const known = this.lines[event.id];
        if (!known) return;
        const last = known.at(-1)?.number ?? -1;
        const fresh = event.lines.filter((line) => line.number > last);
        this.lines = { ...this.lines, [event.id]: [...known, ...fresh].slice(-LINES) };
        break;
      }
    }
  }

  /** From now on the lines of this one are kept. */
  async openLog(id: string): Promise<void> {
    try {
      this.lines = { ...this.lines, [id]: await host.deploymentLog(id) };
    } catch (thrown) {
      this.#tell(id, asError(thrown));
    }
  }

  closeLog(id: string): void {
    const { [id]: _closed, ...rest } = this.lines;
    this.lines = rest;
  }

  plan = (spec: DeploymentSpec): Promise<PlanOutcome> => host.deploymentPlan(spec);

  async start(spec: DeploymentSpec): Promise<void> {
    await host.deploymentStart(spec);
    await this.load();
  }

  restart = (id: string) => this.#act(id, () => host.deploymentRestart(id));
  stop = (id: string) => this.#act(id, () => host.deploymentStop(id));
  remove = (id: string) => this.#act(id, () => host.deploymentRemove(id));

  async #act(id: string, act: () => Promise<unknown>): Promise<void> {
    this.busy = id;
    this.#tell(id, undefined);
    try {
      await act();
    } catch (thrown) {
      this.#tell(id, asError(thrown));
    }
    this.busy = undefined;
    await this.load();
  }

  #put(changed: DeploymentView): void {
    const list = this.list.value;
    if (list) this.list.set(list.map((one) => (one.id === changed.id ? changed : one)));
  }

  #tell(id: string, error: ErrorView | undefined): void {
    const { [id]: _old, ...rest } = this.errors;
    this.errors = error ? { ...rest, [id]: error } : rest;
  }
}

export const deployments = new Deployments();
