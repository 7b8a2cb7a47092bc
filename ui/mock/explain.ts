// What the mock host answers to the page "How it works": numbers of the size of DeepSeek-V2-Lite, the same for the same
// question. The Guide stores FP8 and its router has a bias; the other built-in model has bf16 and no bias.
import type {
  CacheSize,
  ErrorView,
  Fp8View,
  ModelView,
  NextTokenQuery,
  RoutingView,
  SamplingView,
  SparsityView,
  TokenChance,
  TokenTrace,
  TracedAnswer,
} from '$lib/ipc/bindings';

const LAYERS = 26;
const EXPERTS = 64;
const CHOSEN = 6;
const BLOCK = 128;
const E4M3_MOST = 448;
/** Candidates for the next token, and how many of them are told. */
const WORDS = [
  ' You',
  ' can',
  ' chat',
  ' with',
  ' a',
  ' whale',
  ' the',
  ' model',
  ' local',
  ' private',
  ' on',
  ' your',
  ' computer',
  '.',
];
const TOLD = 12;

/** Numbers from 0 to 1 that follow from a text. */
function random(text: string): () => number {
  let state = [...text].reduce((sum, letter) => Math.imul(sum ^ (letter.codePointAt(0) ?? 0), 16_777_619), 7);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
const bell = (next: () => number) => Math.sqrt(-2 * Math.log(next() + 1e-9)) * Math.cos(2 * Math.PI * next());

function sparse(model: ModelView): void {
  const dense: ErrorView = {
    code: 'no_experts',
    message: 'look into the model: this model is dense: it has no routed experts',
    detail: {},
  };
  if (model.family === 'dense_distill') throw dense;
}

export function sparsity(model: ModelView, question: string): SparsityView {
  sparse(model);
  const next = random(question);
  const routed = 18 + next() * 4;
  return {
    total_parameters: 15.7e9,
    expert_parameters: 14.4e9,
    active_parameters: 2.66e9,
    routed: {
      text: ` You asked “${question}”. With Whaledeck you chat with models`,
      tokens: 24,
      token_ms: routed,
    },
    all: { text: ' You you whale the of model and the', tokens: 24, token_ms: routed * (5.2 + next()) },
  };
}

function expertsOf(text: string): number[][] {
  const next = random(text);
  return Array.from({ length: LAYERS }, () => {
    const chosen = new Set<number>();
    while (chosen.size < CHOSEN) chosen.add(Math.floor(next() * EXPERTS));
    return [...chosen];
  });
}

export function routing(model: ModelView, text: string): RoutingView {
  sparse(model);
  const pieces = text.match(/\s*[\p{L}\p{N}]{1,6}|[^\p{L}\p{N}]/gu) ?? [];
  const next = random(model.id);
  return {
    experts: {
      n_routed_experts: EXPERTS,
      num_experts_per_tok: CHOSEN,
      layers: Array.from({ length: LAYERS }, (_, at) => at + 1),
    },
    tokens: pieces.map((piece) => ({
      text: piece,
      drafted: false,
      rejected: null,
      experts: expertsOf(piece),
    })),
    bias:
      model.id === 'guide'
        ? Array.from({ length: LAYERS }, () => Array.from({ length: EXPERTS }, () => 0.4 + bell(next) * 0.03))
        : [],
  };
}

export const cacheSizes = (): CacheSize[] => [
  size('deepseek-v3.1', 'DeepSeek-V3.1', true, 4_997_120, 70_272),
  size('deepseek-v2-lite-chat', 'DeepSeek-V2-Lite-Chat', true, 276_480, 31_104),
  size('deepseek-r1-distill-qwen-7b', 'DeepSeek-R1-Distill-Qwen-7B', false, 57_344, 57_344),
];

const size = (
  model_id: string,
  name: string,
  latent: boolean,
  all_heads: number,
  bf16: number,
): CacheSize => ({ model_id, name, latent, all_heads, bf16, fp8: bf16 * (latent ? 0.57 : 0.51) });

/** The second token of two drafts is refused more often than the first. */
export function drafts(question: string): TracedAnswer {
  const next = random(question);
  const words = `You asked “${question}”. Whaledeck runs a DeepSeek model on this computer, answers questions and reads your pictures, and nothing leaves it.`;
  const pieces = words.match(/\s*[\p{L}\p{N}]+|[^\p{L}\p{N}]/gu) ?? [];
  const [proposed, accepted] = [
    [0, 0],
    [0, 0],
  ];
  const tokens: TokenTrace[] = [];
  const count = (counts: number[], at: number) => (counts[at] = (counts[at] ?? 0) + 1);
  let draft = 0;
  for (const text of pieces) {
    const own = draft === 2 || tokens.length === 0;
    const good = !own && next() < (draft === 0 ? 0.8 : 0.6);
    if (!own) count(proposed, draft);
    if (good) count(accepted, draft);
    tokens.push({ text, drafted: good, rejected: own || good ? null : ' model', experts: [] });
    draft = good ? draft + 1 : 0;
  }
  const stats = { drafter: 'mtp' as const, proposed, accepted, pauses: [], drafted_ms: 21.4, plain_ms: 33.8 };
  return { tokens, stats };
}

/** The nearest number with three digits after the first. */
function e4m3(value: number): number {
  if (value === 0) return 0;
  const step = 2 ** (Math.max(-6, Math.floor(Math.log2(Math.abs(value)))) - 3);
  return Math.min(E4M3_MOST, Math.max(-E4M3_MOST, Math.round(value / step) * step));
}

export function fp8(model: ModelView): Fp8View {
  const next = random(model.id);
  const made = Array.from({ length: BLOCK * BLOCK }, () => bell(next) * 0.02);
  const scale = made.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / E4M3_MOST;
  const rounded = made.map((value) => e4m3(value / scale) * scale);
  const stored = model.id === 'guide';
  return {
    tensor: 'model.layers.13.self_attn.o_proj.weight',
    dtype: stored ? 'F8_E4M3' : 'BF16',
    rows: BLOCK,
    cols: BLOCK,
    scale,
    values: stored ? rounded : made,
    fp8: rounded,
  };
}

function drawable(query: NextTokenQuery, sampling: SamplingView): TokenChance[] {
  const next = random(query.question + query.answer);
  const heat = Math.max(0.05, sampling.temperature);
  const weights = WORDS.map((text) => {
    const seen = query.answer.split(text).length - 1;
    return Math.exp((bell(next) * 0.7 - sampling.frequency_penalty * seen) / heat);
  });
  const end = Math.exp((query.answer.length / 20 - 4) / heat);
  const all = [...weights, end].reduce((sum, one) => sum + one, 0);
  const sorted = [...WORDS.map((text, at) => ({ text, end: false, weight: weights[at] ?? 0 }))]
    .concat({ text: '', end: true, weight: end })
    .sort((a, b) => b.weight - a.weight);
  // The nucleus: the likeliest until their sum reaches top_p.
  let sum = 0;
  const kept = sorted.filter((one) => {
    const before = sum;
    sum += one.weight / all;
    return before < sampling.top_p;
  });
  const left = kept.reduce((total, one) => total + one.weight, 0);
  return kept.slice(0, TOLD).map(({ weight, ...token }) => ({ ...token, probability: weight / left }));
}

export const nextToken = (query: NextTokenQuery): TokenChance[][] =>
  query.samplings.map((sampling) => drawable(query, sampling));
