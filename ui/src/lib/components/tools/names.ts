// What a tool is called: the built-in ones have words in both languages, the others those of their server.
import { i18n } from '$lib/i18n/index.svelte';
import { tools } from '$lib/stores/tools.svelte';

export function toolTitle(serverId: string, name: string): string {
  const { names } = i18n.t.tools;
  if (tools.isBuiltIn(serverId) && Object.hasOwn(names, name)) return names[name as keyof typeof names];
  const server = tools.view.value?.servers.find((one) => one.id === serverId);
  return server?.tools.find((one) => one.name === name)?.title || name;
}

export function toolDescription(serverId: string, name: string, description: string): string {
  const { about } = i18n.t.tools;
  return tools.isBuiltIn(serverId) && Object.hasOwn(about, name)
    ? about[name as keyof typeof about]
    : description;
}

export const serverName = (id: string, name: string): string =>
  tools.isBuiltIn(id) ? i18n.t.tools.builtIn : name;
