// Deployments of the mock host: one that serves, one that crashed, and a plan for whatever is asked.
import type {
  DeploymentLine,
  DeploymentSpec,
  DeploymentView,
  EngineView,
  InstallView,
  MachineView,
  MetricsPoint,
  PlanLine,
  PlanOutcome,
  SamplingView,
} from '$lib/ipc/bindings';

const sampling: SamplingView = {
  temperature: 0.6,
  top_p: 0.95,
  top_k: 0,
  min_p: 0,
  frequency_penalty: 0,
  presence_penalty: 0,
  repetition_penalty: 1,
  thinking: 'own',
  max_tokens: 0,
  seed: null,
};

const points: MetricsPoint[] = Array.from({ length: 120 }, (_, at) => ({
  tokens_per_second: Math.max(0, 180 + 90 * Math.sin(at / 9) + 30 * Math.sin(at / 2)),
  running: 2 + Math.round(2 * Math.sin(at / 11)),
  waiting: at > 70 && at < 90 ? 3 : 0,
  cache: 0.22 + at / 400,
  accepted: 0.74 + 0.05 * Math.sin(at / 7),
}));

const base = (id: string, name: string): DeploymentView => ({
  id,
  name,
  chat_model: `deployment:${id}`,
  model_id: 'deepseek-r1',
  model_name: 'DeepSeek-R1',
  engine: 'sglang',
  precision: 'FP8',
  cards: '2x8xH100-80G',
  context: 32768,
  sequences: 4,
  machines: ['gpu1', 'gpu2'],
  open: false,
  key: null,
  address: null,
  state: 'stopped',
  wait: null,
  tries: 0,
  error: null,
  lost: null,
  recommended: sampling,
  created_at: '2026-11-25T08:00:00Z',
  points: [],
});

export const some = (): DeploymentView[] => [
  { ...base('d-r1', 'DeepSeek-R1'), state: 'ready', address: 'http://127.0.0.1:41873', points },
  {
    ...base('d-14b', 'R1-Distill-Qwen-14B'),
    model_id: 'deepseek-r1-distill-qwen-14b',
    model_name: 'R1-Distill-Qwen-14B',
    engine: 'vllm',
    precision: 'BF16',
    cards: '1xL40S-48G',
    machines: ['me@office'],
    open: true,
    key: 'wd-3f2a',
    state: 'waiting',
    wait: 8,
    tries: 3,
    error: {
      code: 'engine_died',
      message: 'go on: vllm ended with signal 11',
      detail: {
        engine: 'vllm',
        machine: 'me@office',
        status: 'signal 11',
        log: 'Fatal Python error: Segmentation fault',
      },
    },
  },
];

export const lines: DeploymentLine[] = [
  "server_args=ServerArgs(model_path='deepseek-ai/DeepSeek-R1', tp_size=16)",
  'Load weight begin. avail mem=78.61 GB',
  'Loading safetensors checkpoint shards: 100% Completed | 163/163',
  'KV Cache is allocated. #tokens: 158208',
  'Capture cuda graph end. Time elapsed: 74.20 s',
  'The server is fired up and ready to roll!',
].flatMap((text, number) => [0, 1].map((machine) => ({ number: number * 2 + machine, machine, text })));

const engine = (name: string, version: string, expected: string | null): EngineView => ({
  name,
  version,
  expected,
});
const installs: InstallView[] = [
  {
    name: 'sglang',
    command: "python3 -m venv ~/sglang && ~/sglang/bin/pip install 'sglang==0.5.23'",
    first: '. ~/sglang/bin/activate',
  },
  {
    name: 'vllm',
    command: "python3 -m venv ~/vllm && ~/vllm/bin/pip install 'vllm==0.33.*'",
    first: '. ~/vllm/bin/activate',
  },
  { name: 'llama-server', command: 'brew install llama.cpp', first: '' },
  { name: 'ollama', command: 'curl -fsSL https://ollama.com/install.sh | sh', first: '' },
];

export const machine = (name: string): MachineView => ({
  name,
  system: 'Linux x86_64',
  engines: name === 'here' ? [] : [engine('sglang', '0.5.23', null), engine('vllm', '0.11.0', '0.33')],
  missing: name === 'here' ? installs : installs.slice(2),
  gpus: name === 'here' ? [] : Array<string>(8).fill('NVIDIA H100 80GB HBM3'),
  cards: name === 'here' ? null : '8xH100-80G',
});

const line = (text: string, code: string, values = {}): PlanLine => ({ text, why: { code, values } });

export function plan(spec: DeploymentSpec): PlanOutcome {
  const { wish } = spec;
  if (wish.machines === '1xT4-16G') {
    return {
      outcome: 'not_enough',
      refusals: [{ precision: 'FP8', why: { code: 'no_fp8', values: { card: 'T4' } } }],
      offers: [
        {
          engine: 'sglang',
          precision: 'FP8',
          machines: '2x8xH100-80G',
          tokens: 700_000,
          context: wish.context,
          sequences: wish.sequences,
        },
      ],
    };
  }
  return {
    outcome: 'plan',
    engine: wish.engine || 'sglang',
    model_id: wish.model,
    model_name: 'DeepSeek-R1',
    precision: wish.precision ?? 'FP8',
    machines: wish.machines,
    memory: {
      size: 688.6e9,
      cards: 16,
      card: 85.5e9,
      budget: 76.97e9,
      weights: 43.2e9,
      overhead: 6.4e9,
      token: 70_272,
      tokens: 389_000,
    },
    context: wish.context,
    sequences: wish.sequences,
    arguments: [
      line('--model-path deepseek-ai/DeepSeek-R1', 'model_path', {
        repo: 'deepseek-ai/DeepSeek-R1',
        precision: 'FP8',
        size: '689',
      }),
      line('--tp-size 16', 'tensor', { count: '16', heads: '128', each: '8' }),
      line('--nnodes 2', 'machines', { count: '2' }),
      line(`--context-length ${wish.context}`, 'context', { tokens: String(wish.context), max: '163840' }),
      spec.open ? line('--host 0.0.0.0', 'host') : line('--host 127.0.0.1', 'host_private'),
      line('--port 30000', 'port', { port: '30000' }),
    ],
    environment: [],
    modelfile: [],
    notes: spec.open ? [{ code: 'open_to_network', values: {} }] : [],
    files: [
      {
        form: 'shell',
        name: 'machine-0.sh',
        text: '#!/bin/sh\nset -eu\nexec python3 -m sglang.launch_server \\\n  --model-path deepseek-ai/DeepSeek-R1 \\\n  --tp-size 16\n',
      },
    ],
  };
}

export const made = (spec: DeploymentSpec, id: string): DeploymentView => ({
  ...base(id, spec.name || 'DeepSeek-R1'),
  machines: spec.machines,
  cards: spec.wish.machines,
  engine: spec.wish.engine || 'sglang',
  open: spec.open,
  key: spec.open ? 'wd-3f2a' : null,
  state: 'starting',
});
