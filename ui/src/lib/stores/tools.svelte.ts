// The tools that models may call: the built-in ones, MCP servers and their permissions. `tools_changed` asks
// for them again.
import { host } from '$host';
import { asError } from '$lib/errors';
import type {
  AppEvent,
  ErrorView,
  ToolPermission,
  ToolServerSpec,
  ToolServerView,
  ToolsView,
  WebSearchSpec,
} from '$lib/ipc/bindings';
import { Load } from './load.svelte';

/** The id of the built-in tools among the servers. */
const BUILT_IN = 'built-in';
/** The built-in search, which needs a service. */
export const SEARCH = 'search_web';

class Tools {
  readonly view = new Load<ToolsView>();
  /** The server that an action of the user is under way for. */
  busy = $state<string | undefined>(undefined);
  /** What went wrong with a server of the list, by its id. */
  errors = $state.raw<Record<string, ErrorView>>({});

  load = () => this.view.run(() => host.tools());

  onEvent(event: AppEvent): void {
    if (event.kind === 'tools_changed') void this.load();
  }

  readonly builtIn = $derived(this.view.value?.servers.find((one) => one.id === BUILT_IN));
  readonly servers = $derived(this.view.value?.servers.filter((one) => one.id !== BUILT_IN) ?? []);
  /** Whether an answer is asked for with tools. */
  readonly on = $derived(this.view.value?.servers.some((one) => one.on) ?? false);
  readonly offered = $derived.by(() =>
    (this.view.value?.servers ?? []).reduce((sum, one) => sum + (one.on ? this.countOf(one) : 0), 0),
  );

  /** How many tools of a server a model sees once it is switched on. */
  countOf(server: ToolServerView): number {
    const lacking = server.id === BUILT_IN && this.view.value?.search === null;
    return server.tools.filter((tool) => tool.permission !== 'never' && !(lacking && tool.name === SEARCH))
      .length;
  }

  isBuiltIn = (serverId: string): boolean => serverId === BUILT_IN;

  /** Shown at once; the app's own list follows. */
  async switch(id: string, on: boolean): Promise<void> {
    this.#replace(id, (one) => ({ ...one, on }));
    await this.#act(id, () => host.toolServerSwitch(id, on));
  }

  async permit(id: string, tool: string, permission: ToolPermission): Promise<void> {
    this.#replace(id, (one) => ({
      ...one,
      tools: one.tools.map((known) => (known.name === tool ? { ...known, permission } : known)),
    }));
    await this.#act(id, () => host.toolPermissionSet(id, tool, permission));
  }

  restart = (id: string) => this.#act(id, () => host.toolServerRestart(id));
  remove = (id: string) => this.#act(id, () => host.toolServerRemove(id));

  // Both reject with what went wrong, for the form that asked.
  async change(id: string, spec: ToolServerSpec): Promise<void> {
    await host.toolServerChange(id, spec);
    await this.load();
  }
  async add(spec: ToolServerSpec): Promise<void> {
    await host.toolServerAdd(spec);
    await this.load();
  }

  async setSearch(spec: WebSearchSpec | null): Promise<void> {
    await host.webSearchSet(spec);
    await this.load();
  }

  async #act(id: string, act: () => Promise<unknown>): Promise<void> {
    const { [id]: _old, ...rest } = this.errors;
    this.errors = rest;
    this.busy = id;
    try {
      await act();
    } catch (thrown) {
      this.errors = { ...this.errors, [id]: asError(thrown) };
    }
    this.busy = undefined;
    await this.load();
  }

  #replace(id: string, change: (server: ToolServerView) => ToolServerView): void {
    const view = this.view.value;
    if (view)
      this.view.set({ ...view, servers: view.servers.map((one) => (one.id === id ? change(one) : one)) });
  }
}

export const tools = new Tools();
