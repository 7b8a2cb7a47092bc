// What the mock host answers to "Can I run it?" and to a plan: the numbers of R1 roughly, the words of one real plan.
import { parseMachines } from '$lib/components/sizing/machines';
import { hardware } from './data';
import type {
  CardsView,
  ClaimView,
  ModelView,
  PlanLine,
  PlanOutcome,
  PlanWish,
  SizingView,
  SizingWish,
} from '$lib/ipc/bindings';

const GIB = 2 ** 30;
/** Label, GiB, whether FP8 files run on it: by every engine, by vLLM alone, by none. */
const CARDS: [string, number, boolean | 'vllm'][] = [
  ['RTX-4060-8G', 8, true],
  ['T4-16G', 15, false],
  ['RTX-3060-12G', 12, 'vllm'],
  ['RTX-4080-16G', 16, true],
  ['RTX-4090-24G', 24, true],
  ['L40S-48G', 45, true],
  ['A100-80G', 80, 'vllm'],
  ['H100-80G', 79.6, true],
  ['H20-96G', 95.6, true],
  ['H200-141G', 140, true],
  ['MI300X-192G', 191, true],
  ['B300-288G', 268, true],
];

function held(
  size: number,
  experts: number,
  fp8: boolean,
  tokens: number,
  [card, gib, able]: (typeof CARDS)[number],
  count: number,
): CardsView {
  const weights = size / count;
  const [memory, overhead] = [gib * GIB, 1.6e9 + weights / 50];
  const budget = memory * 0.9;
  const rest = Math.max(0, budget - weights - overhead);
  const room = Math.floor(rest / 70_272);
  const nodes = Math.ceil(count / 8);
  return {
    machines: nodes > 1 ? `${nodes}x${count / nodes}x${card}` : `${count}x${card}`,
    card,
    vendor: card.startsWith('MI') ? 'AMD' : 'NVIDIA',
    count,
    nodes,
    tensor: count,
    pipeline: 1,
    verdict:
      fp8 && !able ? 'no_fp8' : room >= tokens ? 'holds' : room >= 2048 ? 'short_context' : 'too_small',
    only: fp8 && able === 'vllm' ? 'vllm' : null,
    memory,
    budget,
    weights: weights - weights * experts,
    experts: weights * experts,
    overhead,
    kv: tokens * 70_272,
    tokens: room,
  };
}

const claims: ClaimView[] = [
  {
    source: 'cnblogs.com/zafu/p/18699353',
    precision: 'FP8',
    size: 688.6e9,
    machines: '8xA100-80G',
    claimed: 687e9,
    defect: 'too_small',
    tokens: 0,
  },
  {
    source: 'docs.baseten.co/examples/models/deepseek/deepseek-r1',
    precision: 'FP8',
    size: 688.6e9,
    machines: '8xH100-80G',
    claimed: 684e9,
    defect: 'too_small',
    tokens: 0,
  },
  {
    source: 'readycoffee.cn/hydt/236',
    precision: 'FP8',
    size: 688.6e9,
    machines: null,
    claimed: 512e9,
    defect: 'less_than_files',
    tokens: 0,
  },
];

export function sizingOf(wish: SizingWish, models: ModelView[]): SizingView {
  const model = models.find((one) => one.id === wish.model);
  if (!model)
    throw {
      code: 'model_not_found',
      message: 'plan: the catalogue does not know the model',
      detail: { model_id: wish.model },
    };
  const variant = model.variants.find((one) => one.id === wish.variant) ?? model.variants[0];
  const size = variant?.size ?? 0;
  const experts = model.family === 'original' ? 0.9745 : 0;
  const context = Math.min(wish.context, model.context_max);
  const tokens = context * wish.sequences;
  const fp8 = variant?.precision === 'FP8';
  const row = (card: (typeof CARDS)[number]) => {
    const tries = [1, 2, 4, 8, 16, 32].map((count) => held(size, experts, fp8, tokens, card, count));
    return (
      tries.find((one) => one.verdict === 'holds' || one.verdict === 'no_fp8') ?? (tries.at(-1) as CardsView)
    );
  };
  const asked = parseMachines(wish.machines ?? '');
  const card = CARDS.find(([label]) => label === asked?.card);
  const count = (asked?.machines ?? 1) * (asked?.each ?? 1);
  // What does not fit is told with what was asked for.
  const kv = model.fit.verdict === 'too_large' ? tokens * 70_272 : model.fit.kv;
  return {
    model_id: model.id,
    model_name: model.name,
    variants: model.variants,
    variant_id: variant?.id ?? '',
    gguf: variant?.precision.startsWith('Q') ?? false,
    context,
    context_max: model.context_max,
    sequences: wish.sequences,
    here: { ...model.fit, weights: size, kv, needed: size + kv + model.fit.overhead },
    gpu_note: hardware.gpu_note,
    here_experts: size * experts,
    machines: card && count <= 61 ? held(size, experts, fp8, tokens, card, count) : null,
    rows: CARDS.map(row),
    claims: model.id === 'deepseek-r1' ? claims : [],
  };
}

const line = (text: string, code: string, values: Record<string, string> = {}): PlanLine => ({
  text,
  why: { code, values },
});
const script = (rank: number) => `#!/bin/sh
# DeepSeek-R1 FP8 on 2x8xH100-80G with sglang, written by Whaledeck
set -eu
: "\${LEADER:?set LEADER to the address of the first machine}"
exec python3 -m sglang.launch_server \\
  --model-path deepseek-ai/DeepSeek-R1 \\
  --tp-size 16 \\
  --nnodes 2 \\
  --node-rank ${rank} \\
  --dist-init-addr "$LEADER:5000" \\
  --port 30000
`;

/** Eight H100 are refused as they truly are; anything else is the plan for two machines of them. */
export function planOf(wish: PlanWish): PlanOutcome {
  if (!/^(\d+x){0,2}[A-Z]/.test(wish.machines))
    throw {
      code: 'invalid_input',
      message: 'plan: no card is known',
      detail: { name: 'gpus', allowed: '8xH100-80G, 2x8xH100-80G' },
    };
  if (wish.machines === '8xH100-80G') {
    return {
      outcome: 'not_enough',
      refusals: [
        {
          precision: 'FP8',
          why: {
            code: 'weights_exceed_memory',
            values: {
              model: 'DeepSeek-R1',
              precision: 'FP8',
              files: '689 GB',
              memory: '684 GB',
              cards: '8',
              card: 'H100-80G',
              used: '8',
              weights: '86.1 GB',
              overhead: '3.3 GB',
              budget: '77 GB',
              tokens: '0',
              needed: '2048',
            },
          },
        },
      ],
      offers: [
        {
          engine: 'llama-server',
          precision: 'Q4_K_M',
          machines: '8xH100-80G',
          tokens: 1_200_000,
          context: 32_768,
          sequences: 4,
        },
        {
          engine: 'sglang',
          precision: 'FP8',
          machines: '2x8xH100-80G',
          tokens: 380_000,
          context: 32_768,
          sequences: 4,
        },
      ],
    };
  }
  return {
    outcome: 'plan',
    engine: wish.engine || 'sglang',
    model_id: wish.model,
    model_name: 'DeepSeek-R1',
    precision: 'FP8',
    machines: wish.machines,
    memory: {
      size: 688.6e9,
      cards: 16,
      card: 85.5e9,
      budget: 76.97e9,
      weights: 43.04e9,
      overhead: 2.47e9,
      token: 71_424,
      tokens: 440_467,
    },
    context: wish.context,
    sequences: wish.sequences,
    arguments: [
      line('--model-path deepseek-ai/DeepSeek-R1', 'model_path', {
        repo: 'deepseek-ai/DeepSeek-R1',
        precision: 'FP8',
        size: '689 GB',
      }),
      line('--trust-remote-code', 'remote_code', { repo: 'deepseek-ai/DeepSeek-R1' }),
      line('--tp-size 16', 'tensor', { count: '16', each: '8', heads: '128' }),
      line('--nnodes 2', 'machines', { count: '2' }),
      line('--node-rank RANK', 'machine_rank', { last: '1' }),
      line('--dist-init-addr LEADER:5000', 'leader', { port: '5000' }),
      line('--context-length 32768', 'context', { max: '163840', tokens: '32768' }),
      line('--mem-fraction-static 0.87', 'memory_share', {
        share: '0.87',
        card: '85.5 GB',
        weights: '43 GB',
        overhead: '2.5 GB',
        tokens: '440467',
      }),
      line('--speculative-algorithm EAGLE', 'draft', { layers: '1' }),
      line('--reasoning-parser deepseek-r1', 'reasoning', { parser: 'deepseek-r1' }),
      line('--host 127.0.0.1', 'host_private'),
      line('--port 30000', 'port', { port: '30000' }),
    ],
    environment: [],
    modelfile: [],
    notes: [{ code: 'replicated_cache', values: { cards: '16' } }],
    files: [
      { form: 'shell', name: 'machine-0.sh', text: script(0) },
      { form: 'shell', name: 'machine-1.sh', text: script(1) },
      {
        form: 'compose',
        name: 'compose-0.yaml',
        text: 'services:\n  engine:\n    image: "lmsysorg/sglang:v0.5.23"\n    network_mode: host\n',
      },
      {
        form: 'k8s',
        name: 'sglang-deepseek-r1.yaml',
        text: 'apiVersion: leaderworkerset.x-k8s.io/v1\nkind: LeaderWorkerSet\nmetadata:\n  name: sglang-deepseek-r1\n',
      },
      {
        form: 'systemd',
        name: 'whaledeck-deepseek-r1-0.service',
        text: '[Unit]\nDescription=DeepSeek-R1 (sglang)\nAfter=network-online.target\n',
      },
    ],
  };
}
