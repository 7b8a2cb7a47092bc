// How much is free of how much, where a driver says one, both or neither.
import { bytes } from '$lib/format';
import { i18n } from '$lib/i18n/index.svelte';

export function roomOf(free: number | null, total: number | null): string {
  const t = i18n.t.hardware;
  if (total === null) return t.memoryUnknown;
  return free === null
    ? t.total({ total: bytes(total, i18n.lang) })
    : t.freeOf({ free: bytes(free, i18n.lang), total: bytes(total, i18n.lang) });
}
