// Wakes the stores: subscribes once to the app's events and asks for what every page needs.
import { host } from '$host';
import { backups } from './backups.svelte';
import { chats } from './chats.svelte';
import { clouds } from './clouds.svelte';
import { deployments } from './deployments.svelte';
import { folders } from './folders.svelte';
import { links } from './links.svelte';
import { machine } from './machine.svelte';
import { models } from './models.svelte';
import { screen } from './screen.svelte';
import { refreshForeignAnswers } from './session.svelte';
import { sharing } from './sharing.svelte';
import { tools } from './tools.svelte';
import { worker } from './worker.svelte';

export function start(): void {
  // Subscribed before the first question, so that no change falls between the two.
  void host.onEvent((event) => {
    worker.onEvent(event);
    models.onEvent(event);
    chats.onEvent(event);
    folders.onEvent(event);
    backups.onEvent(event);
    clouds.onEvent(event);
    deployments.onEvent(event);
    sharing.onEvent(event);
    tools.onEvent(event);
    if (event.kind === 'link_opened') void links.follow();
    if (event.kind === 'models_changed') void machine.refresh();
    if (event.kind === 'chats_changed') refreshForeignAnswers();
  });
  chats.ready = chats.load();
  void Promise.all([
    worker.load(),
    machine.arrive(),
    clouds.load(),
    deployments.load(),
    folders.load(),
    sharing.load(),
    tools.load(),
    screen.load(),
  ]);
}
