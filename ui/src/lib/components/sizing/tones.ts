// How a verdict on cards is toned; its words carry it too.
import type { CardsVerdict } from '$lib/ipc/bindings';

export const tones: Record<CardsVerdict, 'good' | 'warn' | 'danger'> = {
  holds: 'good',
  short_context: 'warn',
  too_small: 'danger',
  no_fp8: 'danger',
  no_fp4: 'danger',
  no_bf16: 'danger',
};
