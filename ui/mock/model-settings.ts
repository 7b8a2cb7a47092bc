// The settings of a model with its memory by part: weights by their type, a cache that grows with the context, and a
// machine with 16 GB.
import type {
  MemoryForecast,
  MemoryPart,
  ModelSettings,
  ModelSettingsView,
  ModelView,
  WorkerMemory,
} from '$lib/ipc/bindings';
import { NOT_CHOSEN } from '$lib/stores/not-chosen';

const AVAILABLE = 15.2e9;
const RECORD = { bf16: 28_672, fp8: 14_560 };
const SHRUNK = { q8: 0.53, q6: 0.41, q4: 0.28 };
const DEFAULT_CONTEXT = 16_384;

const stored = new Map<string, ModelSettings>();

export function settingsOf(model: ModelView): ModelSettingsView {
  const context = Math.min(DEFAULT_CONTEXT, model.context_max);
  return {
    model_id: model.id,
    name: model.name,
    settings: stored.get(model.id) ?? NOT_CHOSEN,
    defaults: {
      ...NOT_CHOSEN,
      context,
      sequences: 2,
      cache: context > 8192 ? 'fp8' : 'bf16',
      place: 'auto',
      card: 0,
      threads: 8,
      drafts: true,
    },
    context_max: model.context_max,
    page_tokens: 64,
    sequences_max: 8,
    threads_max: 8,
    cards: ['RTX 4060'],
    can_shrink: model.variants[0]?.precision === 'BF16',
    history: [
      {
        at: '2026-03-14T09:26:00Z',
        context: 16_384,
        sequences: 2,
        cache: 'fp8',
        card: null,
        foreseen: 5.93e9,
        measured: 6.02e9,
      },
      {
        at: '2026-03-13T18:02:00Z',
        context: 8192,
        sequences: 2,
        cache: 'bf16',
        card: null,
        foreseen: 5.91e9,
        measured: 5.84e9,
      },
    ],
  };
}

export function memoryOf(model: ModelView, settings: ModelSettings): MemoryForecast {
  const context = settings.context ?? Math.min(DEFAULT_CONTEXT, model.context_max);
  const cache = settings.cache ?? (context > 8192 ? 'fp8' : 'bf16');
  const stored =
    (model.variants[0]?.size ?? model.disk_used) * (settings.shrink ? SHRUNK[settings.shrink] : 1);
  const parts = (tokens: number): MemoryPart[] => [
    { kind: 'weights', bytes: stored },
    { kind: 'cache', bytes: RECORD[cache] * tokens * (settings.sequences ?? 2) },
    { kind: 'buffers', bytes: 0.24e9 },
    { kind: 'program', bytes: 0.04e9 },
    { kind: 'correction', bytes: 0.09e9 },
  ];
  const sum = (all: MemoryPart[]) => all.reduce((total, part) => total + part.bytes, 0);
  const total = sum(parts(context));
  const room =
    Math.floor((AVAILABLE - sum(parts(0))) / (RECORD[cache] * (settings.sequences ?? 2)) / 64) * 64;
  const fits = total <= AVAILABLE;
  const gb = (value: number) => `${(value / 1e9).toFixed(1)} GB`;
  return {
    context,
    cache,
    card: null,
    parts: parts(context),
    total,
    available: AVAILABLE,
    problem: fits
      ? null
      : {
          en: `These settings need ${gb(total)}, and only ${gb(AVAILABLE)} of main memory can be used. ${room.toLocaleString('en')} tokens would fit.`,
          zh: `这些设置需要 ${gb(total)}，而可用内存只有 ${gb(AVAILABLE)}。${room.toLocaleString('zh')} 个 token 放得下。`,
        },
    context_fits: fits ? context : room >= 2048 ? room : null,
  };
}

export const keep = (model: ModelView, settings: ModelSettings): void => void stored.set(model.id, settings);

const PAGES = 512;
const PAGE_TOKENS = 64;
const KEPT = 120;

/** Of the loaded model, with the tokens of each answer that is being written. */
export function memoryNow(running: number[]): WorkerMemory {
  const sequences = running.map((tokens) => ({ tokens, pages: Math.ceil(tokens / PAGE_TOKENS) }));
  const pages_used = sequences.reduce((sum, one) => sum + one.pages, 0);
  const part = (kind: MemoryPart['kind'], foreseen: number, measured: number) => ({
    kind,
    foreseen,
    measured,
  });
  return {
    total: { foreseen: 5.93e9, measured: 6.02e9, pages: PAGES, pages_used },
    parts: [
      part('weights', 5.08e9, 5.08e9),
      part('cache', 0.48e9, 0.48e9),
      part('buffers', 0.24e9, 0.31e9),
      part('program', 0.04e9, 0.06e9),
      part('correction', 0.09e9, 0.09e9),
    ],
    cache: {
      kind: 'fp8',
      pages: PAGES,
      pages_used,
      pages_kept: KEPT,
      page_tokens: PAGE_TOKENS,
      page_bytes: RECORD.fp8 * PAGE_TOKENS,
      page_bytes_bf16: RECORD.bf16 * PAGE_TOKENS,
      sequences,
    },
  };
}
