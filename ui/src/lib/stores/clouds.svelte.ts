// Cloud services that were added with a key, and the models they offer. `endpoints_changed` asks for them again.
import { host } from '$host';
import { isLoopback } from '$lib/address';
import { asError } from '$lib/errors';
import type {
  AppEvent,
  CloudModelView,
  EndpointChange,
  EndpointSpec,
  EndpointTest,
  EndpointView,
  ErrorView,
  ProviderView,
} from '$lib/ipc/bindings';
import { Load } from './load.svelte';

const PREFIX = 'cloud:';

/** Whether a chat with this model is written by a service that was added by its address. */
export const isCloud = (modelId: string): boolean => modelId.startsWith(PREFIX);

class Clouds {
  readonly list = new Load<EndpointView[]>();
  readonly providers = new Load<ProviderView[]>();
  /** How the last test of each went, by its id. */
  tests = $state.raw<Record<string, EndpointTest>>({});
  testing = $state<string | undefined>(undefined);
  adding = $state(false);
  addError = $state.raw<ErrorView | undefined>(undefined);
  /** What went wrong with a service of the list, by its id. */
  errors = $state.raw<Record<string, ErrorView>>({});

  load = async (): Promise<void> => {
    await Promise.all([this.list.run(() => host.endpoints()), this.providers.run(() => host.providers())]);
  };

  onEvent(event: AppEvent): void {
    if (event.kind === 'endpoints_changed') void this.list.run(() => host.endpoints());
  }

  /** The service that a chat's model belongs to. */
  of(modelId: string): EndpointView | undefined {
    if (!isCloud(modelId)) return undefined;
    const id = modelId.slice(PREFIX.length).split('/')[0];
    return this.list.value?.find((one) => one.id === id);
  }

  /** Whether what is written in a chat with this model goes to an address elsewhere. A service that is gone may have been. */
  leaves(modelId: string): boolean {
    const service = this.of(modelId);
    return isCloud(modelId) && !(service && isLoopback(service.address));
  }

  /** The model's own name, also where the service is gone. */
  nameOf(modelId: string): string {
    const known = this.of(modelId)?.models.find((model) => model.id === modelId);
    return known?.name ?? modelId.slice(PREFIX.length).split('/').slice(1).join('/');
  }

  /** With the service, which may be gone. */
  labelOf(modelId: string): string {
    const service = this.of(modelId)?.name ?? modelId.slice(PREFIX.length).split('/')[0] ?? '';
    return `${this.nameOf(modelId)} · ${service}`;
  }

  readonly models = $derived.by<{ endpoint: EndpointView; model: CloudModelView }[]>(() =>
    (this.list.value ?? []).flatMap((endpoint) => endpoint.models.map((model) => ({ endpoint, model }))),
  );

  /** Keeps the key, then goes the whole way once; returns the service when it was kept. */
  async add(spec: EndpointSpec): Promise<EndpointView | undefined> {
    this.adding = true;
    this.addError = undefined;
    try {
      const added = await host.endpointAdd(spec);
      await this.list.run(() => host.endpoints());
      void this.test(added.id);
      return added;
    } catch (thrown) {
      this.addError = asError(thrown);
      return undefined;
    } finally {
      this.adding = false;
    }
  }

  /** Keeps the change, then goes the whole way once; returns whether it was kept. */
  async change(id: string, change: EndpointChange): Promise<boolean> {
    this.#tell(id, undefined);
    try {
      await host.endpointChange(id, change);
    } catch (thrown) {
      this.#tell(id, asError(thrown));
      return false;
    }
    await this.list.run(() => host.endpoints());
    void this.test(id);
    return true;
  }

  async test(id: string): Promise<void> {
    this.testing = id;
    this.#tell(id, undefined);
    try {
      this.tests = { ...this.tests, [id]: await host.endpointTest(id) };
    } catch (thrown) {
      this.#tell(id, asError(thrown));
    }
    this.testing = undefined;
    await this.list.run(() => host.endpoints());
  }

  async remove(id: string): Promise<void> {
    this.#tell(id, undefined);
    try {
      await host.endpointRemove(id);
      const { [id]: _gone, ...rest } = this.tests;
      this.tests = rest;
    } catch (thrown) {
      this.#tell(id, asError(thrown));
    }
    await this.list.run(() => host.endpoints());
  }

  #tell(id: string, error: ErrorView | undefined): void {
    const { [id]: _old, ...rest } = this.errors;
    this.errors = error ? { ...rest, [id]: error } : rest;
  }
}

export const clouds = new Clouds();
