// The settings of a model of which nothing was chosen: every one has its default.
import type { ModelSettings } from '$lib/ipc/bindings';

export const NOT_CHOSEN: ModelSettings = {
  context: null,
  sequences: null,
  cache: null,
  place: null,
  card: null,
  threads: null,
  shrink: null,
  drafts: null,
  unload_minutes: null,
};
