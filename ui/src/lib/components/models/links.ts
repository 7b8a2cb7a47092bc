// What a model takes on the disk and what of it are links to files of other programs, in words.
import { bytes } from '$lib/format';
import { i18n } from '$lib/i18n/index.svelte';
import type { LinkedView } from '$lib/ipc/bindings';

interface OnDisk {
  disk_used: number;
  linked: LinkedView[];
}

export function usedSpace({ disk_used, linked }: OnDisk): string {
  const t = i18n.t.models;
  const size = (value: number) => bytes(value, i18n.lang);
  const links = linked.map((one) => t.linkedFrom({ size: size(one.size), program: one.program }));
  return [t.usedSpace({ size: size(disk_used) }), ...links].join(' · ');
}

/** The question before a model is deleted, with the promise for files that are not ours. */
export function confirmRemove(name: string, { disk_used, linked }: OnDisk): string {
  const t = i18n.t.models;
  const size = bytes(disk_used, i18n.lang);
  const program = linked.map((one) => one.program).join(i18n.t.deployments.and);
  return linked.length === 0
    ? t.confirmRemove({ name, size })
    : t.confirmRemoveLinked({ name, size, program });
}
