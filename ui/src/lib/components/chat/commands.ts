// What the palette can do on the chat page: the model and the style of this chat, its panel, and finding words in it.
import type { Command } from '$lib/components/shell/palette.svelte';
import { i18n } from '$lib/i18n/index.svelte';
import type { ChatPage } from '$lib/stores/chat-page.svelte';
import { clouds } from '$lib/stores/clouds.svelte';
import { deployments } from '$lib/stores/deployments.svelte';
import { models } from '$lib/stores/models.svelte';
import { saveChat } from '$lib/stores/save-chat.svelte';

export function commandsOf(page: ChatPage): Command[] {
  const t = i18n.t.chat;
  const { session } = page;
  const offered = [
    ...models.usable.map(({ id, name }) => ({ id, label: name })),
    ...clouds.models.map(({ endpoint, model }) => ({
      id: model.id,
      label: `${model.name} · ${t.cloudOf({ name: endpoint.name })}`,
    })),
    ...deployments.ready.map(({ chat_model, name }) => ({
      id: chat_model,
      label: `${name} · ${i18n.t.deployments.badge}`,
    })),
  ];
  return [
    ...(session && session.messages.length > 0
      ? [
          { id: 'find', group: t.title, label: t.find, keys: 'Ctrl+F', run: () => page.find() },
          {
            id: 'save',
            group: t.title,
            label: i18n.t.saveChat.title,
            run: () =>
              saveChat.open({ id: session.id, title: session.chat.value?.title || i18n.t.nav.untitled }),
          },
        ]
      : []),
    ...(page.canBeTemporary
      ? [
          {
            id: 'temporary',
            group: t.title,
            label: page.temporary ? t.savedChat : t.temporary,
            run: () => (page.nextTemporary = !page.temporary),
          },
        ]
      : []),
    {
      id: 'panel',
      group: t.title,
      label: page.panel ? t.closePanel : t.openPanel,
      run: () => (page.panel = !page.panel),
    },
    ...(session?.answering ? [] : offered).map(({ id, label }) => ({
      id: `model-${id}`,
      group: t.model,
      label,
      run: () => page.useModel(id),
    })),
    ...(models.presets.value ?? []).map((one) => ({
      id: `preset-${one.id}`,
      group: i18n.t.panel.presets,
      label: i18n.say(one.name),
      run: () => void page.change(models.presetChange(one, page.modelId)),
    })),
  ];
}
