// What the mock host knows: one plausible machine, a few models in each state, and chats on fixed days.
import type {
  AnswerStats,
  BackupView,
  BoxView,
  ChatView,
  DownloadFileView,
  DownloadView,
  EndpointTest,
  EndpointView,
  ErrorView,
  FileGroupView,
  FitView,
  HardwareView,
  MessageView,
  ModelView,
  PicturePlan,
  PictureView,
  PresetView,
  ProviderView,
  RecommendationView,
  RepositoryHitView,
  RepositoryView,
  SamplingView,
  SettingsView,
  SharingRequest,
  SharingView,
  SourceKind,
  StartView,
  WorkerView,
} from '$lib/ipc/bindings';

const day = (back: number) => new Date(Date.now() - back * 86_400_000).toISOString();
export const NOW = day(0);

const sampling = (temperature: number, top_p: number, frequency_penalty = 0): SamplingView => ({
  temperature,
  top_p,
  frequency_penalty,
  top_k: 0,
  min_p: 0,
  presence_penalty: 0,
  repetition_penalty: 1,
  thinking: 'own',
  max_tokens: 0,
  seed: null,
});

export const presets: PresetView[] = [
  {
    id: 'factual',
    name: { en: 'Factual', zh: '事实' },
    what_for: { en: 'Short, careful answers.', zh: '简短谨慎的回答。' },
    sampling: sampling(0.3, 0.9, 0.7),
  },
  {
    id: 'creative',
    name: { en: 'Creative', zh: '创意' },
    what_for: { en: 'Stories and ideas.', zh: '故事与创意。' },
    sampling: sampling(0.8, 0.7, 0.3),
  },
  {
    id: 'code',
    name: { en: 'Code', zh: '代码' },
    what_for: { en: 'Programs that run.', zh: '能运行的程序。' },
    sampling: sampling(0.5, 0.85, 0.5),
  },
  {
    id: 'deepseek',
    name: { en: 'DeepSeek’s own', zh: 'DeepSeek 推荐' },
    what_for: { en: 'What the makers advise for this model.', zh: '制作者对此模型的建议。' },
    sampling: sampling(0.6, 0.95),
  },
];

export const hardware: HardwareView = {
  os: 'Debian GNU/Linux 12 (bookworm)',
  cpu: {
    name: 'AMD Ryzen 7 5800X 8-Core Processor',
    physical_cores: 8,
    logical_cores: 16,
    features: ['AVX2'],
  },
  ram_total: 67.4e9,
  ram_available: 51.2e9,
  memory_bandwidth: null,
  gpus: [
    {
      computes: true,
      shared_memory: false,
      name: 'NVIDIA GeForce RTX 4080',
      vendor: 'nvidia',
      vram_total: 17.2e9,
      vram_free: 16.1e9,
      driver: '580.95.05',
      cuda: '13.0',
      compute_capability: '8.9',
    },
  ],
  gpu_note: null,
  gpu_problem: null,
  disk: { models_dir: '/home/user/.local/share/whaledeck/models', total: 1.02e12, free: 412e9 },
};

/** A card that the engine does not use. */
export const oldCard: HardwareView = {
  ...hardware,
  gpus: hardware.gpus.map((gpu) => ({
    ...gpu,
    computes: false,
    name: 'NVIDIA GeForce RTX 2080 Ti',
    vram_total: 11.8e9,
    vram_free: 11.2e9,
    compute_capability: '7.5',
  })),
  gpu_note: {
    en: 'Your RTX 2080 Ti is not used: compute capability 7.5 is below the 8.0 that models need (RTX 30 series and newer); llama-server under Deployments uses older cards.',
    zh: '你的 RTX 2080 Ti 未使用：计算能力 7.5 低于模型需要的 8.0（RTX 30 系列及更新）；“部署”中的 llama-server 可以使用较旧的显卡。',
  },
};

export const recommendation: RecommendationView = {
  model_id: 'deepseek-r1-distill-qwen-14b',
  variant_id: 'q4_k_m',
  download_size: 8.99e9,
  gpu_note: hardware.gpu_note,
  sentence: {
    en: 'R1-Distill-Qwen-14B: the best that leaves room for about 24 pages of conversation on your RTX 4080. Expect about 8 words per second.',
    zh: 'R1-Distill-Qwen-14B：在 RTX 4080 上能留出约 24 页对话空间的最佳模型。预计每秒约 8 个词。',
  },
  upgrade: {
    en: 'With a 32 GB card (such as RTX 5090) you could run R1-Distill-Qwen-32B.',
    zh: '换用 32 GB 显卡（如 RTX 5090）就可以运行 R1-Distill-Qwen-32B。',
  },
};

/** The same on the processor. */
export const onProcessor: RecommendationView = {
  ...recommendation,
  gpu_note: oldCard.gpu_note,
  sentence: {
    en: 'R1-Distill-Qwen-14B: the best that leaves room for about 24 pages of conversation in the 51.2 GB of memory now free.',
    zh: 'R1-Distill-Qwen-14B：在 51.2 GB 空闲内存里能留出约 24 页对话空间的最佳模型。',
  },
};

const fit = (
  verdict: FitView['verdict'],
  weights: number,
  available: number,
  en: string,
  zh: string,
): FitView => ({
  verdict,
  weights,
  available,
  kv: weights * 0.08,
  overhead: 0.9e9,
  needed: weights * 1.08 + 0.9e9,
  reason: { en, zh },
  place: verdict === 'too_large' ? 'nowhere' : 'cpu',
  card: null,
  context: verdict === 'too_large' ? 0 : 16384,
  speed_estimate: verdict === 'too_large' ? null : 7.2,
});

/** Of a model that the graphics card holds. */
const onCard = (name: string, weights: number, needed = '', speed = 14): FitView => ({
  ...fit(
    'runs_well',
    weights,
    15.7e9,
    `${name} runs on the RTX 4080: it needs ${needed || 'part'} of the 15.7 GB of graphics memory that can be used.`,
    `${name} 在 RTX 4080 上运行：需要 ${needed || '其中一部分'}，可用显存有 15.7 GB。`,
  ),
  place: 'gpu',
  card: 'RTX 4080',
  speed_estimate: speed,
});

/** What the states of a model mean for its one precision. */
function precisionsOf(model: ModelView): ModelView {
  const known = model.variants[0];
  if (model.precisions.length > 0 || !known || model.family === 'guide' || model.state === 'not_downloaded')
    return model;
  const done = model.download?.done ?? 0;
  const one = {
    variant_id: known.id,
    precision: known.precision,
    state: model.state,
    disk_used: model.disk_used || done,
    linked: [],
    problem: null,
    in_use: model.state === 'ready',
    download: model.download,
  };
  return { ...model, precisions: [one] };
}

function model(
  id: string,
  name: string,
  change: Partial<ModelView>,
  size: number,
  precision = 'BF16',
): ModelView {
  return precisionsOf({
    id,
    name,
    family: 'dense_distill',
    family_note: { en: 'Qwen 2.5 distilled from DeepSeek-R1', zh: '用 DeepSeek-R1 蒸馏的 Qwen 2.5' },
    params_total: 14.8e9,
    params_active: 14.8e9,
    context_max: 131072,
    takes_images: false,
    hybrid: false,
    licence: 'MIT',
    variants: [
      {
        id: precision.toLowerCase(),
        precision,
        size,
        size_computed: false,
        repo_hugging_face: `deepseek-ai/${name}`,
        repo_model_scope: `deepseek-ai/${name}`,
        note: null,
      },
    ],
    fit: onCard(name, size),
    state: 'not_downloaded',
    download: null,
    disk_used: 0,
    linked: [],
    precisions: [],
    recommended: sampling(0.6, 0.95),
    runs_embedded: true,
    engines: [],
    known_as: null,
    path: null,
    repository: null,
    problem: null,
    ...change,
  });
}

const file = (path: string, size: number, done: number, verified: boolean): DownloadFileView => ({
  path,
  size,
  done,
  verified,
  found_in: null,
  linked: false,
});

export const download = (model_id: string, variant_id: string): DownloadView => ({
  id: `${model_id}/${variant_id}`,
  model_id,
  variant_id,
  source: 'hugging_face',
  state: 'transferring',
  total: 15.2e9,
  done: 6.4e9,
  verified: 4.3e9,
  hashed: 0,
  speed: 24e6,
  seconds_left: 366,
  waiting_seconds: null,
  error: null,
  alternative: null,
  files: [
    file('config.json', 1_664, 1_664, true),
    file('model-00001-of-000004.safetensors', 4.3e9, 4.3e9, true),
    file('model-00002-of-000004.safetensors', 4.3e9, 2.1e9, false),
    file('tokenizer.json', 7_031_660, 0, false),
  ],
});

export const models: ModelView[] = [
  model(
    'guide',
    'Whaledeck Guide',
    {
      family: 'guide',
      family_note: { en: 'A tiny DeepSeek-V3 that knows this app', zh: '了解本应用的微型 DeepSeek-V3' },
      params_total: 10.6e6,
      params_active: 3.1e6,
      context_max: 4096,
      state: 'built_in',
      disk_used: 11.4e6,
      fit: {
        ...onCard('Whaledeck Guide FP8', 11.4e6, '872 MB', 700),
        overhead: 8.5e8,
        needed: 8.72e8,
        context: 4096,
      },
    },
    11.4e6,
    'FP8',
  ),
  model(
    'guide-vision',
    'Whaledeck Guide Vision',
    {
      family: 'guide',
      family_note: {
        en: 'A tiny DeepSeek-VL2 that knows drawn shapes, simple charts, printed words and windows of this app, not photographs',
        zh: '微型 DeepSeek-VL2，只认得画出的图形、简单图表、印刷文字和本应用的窗口，看不懂照片',
      },
      params_total: 7.03e6,
      params_active: 6.11e6,
      context_max: 2048,
      takes_images: true,
      state: 'built_in',
      disk_used: 14.2e6,
      fit: {
        ...onCard('Whaledeck Guide Vision BF16', 14.2e6, '864 MB', 700),
        overhead: 8.4e8,
        needed: 8.64e8,
        context: 2048,
      },
    },
    14.2e6,
    'BF16',
  ),
  model(
    'deepseek-r1',
    'DeepSeek-R1',
    {
      family: 'original',
      family_note: {
        en: 'DeepSeek’s own mixture of experts that reasons',
        zh: 'DeepSeek 自己的混合专家推理模型',
      },
      params_total: 671e9,
      params_active: 37e9,
      context_max: 163840,
      fit: fit(
        'too_large',
        688.6e9,
        45e9,
        'DeepSeek-R1 FP8 needs 745 GB, and only 45 GB of main memory can be used. The RTX 4080 has too little free memory for it: 704 GB are needed, 15.7 GB can be used.',
        'DeepSeek-R1 FP8 需要 745 GB，而可用内存只有 45 GB。RTX 4080 的可用显存不足：需要 704 GB，可用 15.7 GB。',
      ),
      variants: [
        {
          id: 'fp8',
          precision: 'FP8',
          size: 688.6e9,
          size_computed: false,
          repo_hugging_face: 'deepseek-ai/DeepSeek-R1',
          repo_model_scope: 'deepseek-ai/DeepSeek-R1',
          note: { en: 'As published.', zh: '官方发布。' },
        },
        {
          id: 'bf16',
          precision: 'BF16',
          size: 1.34e12,
          size_computed: true,
          repo_hugging_face: 'unsloth/DeepSeek-R1-BF16',
          repo_model_scope: 'unsloth/DeepSeek-R1-BF16',
          note: null,
        },
      ],
    },
    688.6e9,
  ),
  model(
    'deepseek-coder-v2-lite',
    'DeepSeek-Coder-V2-Lite',
    {
      family: 'original',
      family_note: {
        en: 'DeepSeek’s small mixture of experts for code',
        zh: 'DeepSeek 的小型代码混合专家模型',
      },
      params_total: 15.7e9,
      params_active: 2.4e9,
      runs_embedded: false,
      engines: ['sglang', 'vllm', 'llama-server'],
      fit: fit(
        'slow',
        31.4e9,
        45e9,
        'Fits in memory; the processor answers slowly. The RTX 4080 has too little free memory for it: 34 GB are needed, 15.7 GB can be used.',
        '内存放得下，但处理器回答较慢。RTX 4080 的可用显存不足：需要 34 GB，可用 15.7 GB。',
      ),
    },
    31.4e9,
  ),
  model(
    'deepseek-vl2-tiny',
    'DeepSeek-VL2-Tiny',
    {
      family: 'original',
      family_note: {
        en: 'DeepSeek’s own small model for pictures and text',
        zh: 'DeepSeek 自己的小型图文模型',
      },
      params_total: 3.37e9,
      params_active: 1e9,
      context_max: 4096,
      takes_images: true,
    },
    6.7e9,
  ),
  model('deepseek-r1-distill-qwen-14b', 'DeepSeek-R1-Distill-Qwen-14B', {}, 8.99e9, 'Q4_K_M'),
  model(
    'deepseek-r1-distill-qwen-7b',
    'DeepSeek-R1-Distill-Qwen-7B',
    { state: 'downloading', download: download('deepseek-r1-distill-qwen-7b', 'bf16') },
    15.2e9,
  ),
  model(
    'deepseek-r1-distill-qwen-1.5b',
    'DeepSeek-R1-Distill-Qwen-1.5B',
    {
      state: 'ready',
      disk_used: 5.44e9,
      params_total: 1.78e9,
      params_active: 1.78e9,
      variants: ['BF16', 'Q8_0', 'Q4_K_M'].map((precision, at) => ({
        id: precision.toLowerCase(),
        precision,
        size: [3.55e9, 1.89e9, 1.12e9][at] ?? 0,
        size_computed: false,
        repo_hugging_face: 'unsloth/DeepSeek-R1-Distill-Qwen-1.5B-GGUF',
        repo_model_scope: null,
        note: null,
      })),
      precisions: [
        {
          variant_id: 'bf16',
          precision: 'BF16',
          state: 'ready',
          disk_used: 3.55e9,
          linked: [],
          problem: null,
          in_use: false,
          download: null,
        },
        {
          variant_id: 'q8_0',
          precision: 'Q8_0',
          state: 'ready',
          disk_used: 1.89e9,
          linked: [],
          problem: null,
          in_use: true,
          download: null,
        },
      ],
    },
    3.55e9,
  ),
  model(
    'deepseek-r1-distill-llama-8b',
    'DeepSeek-R1-Distill-Llama-8B',
    {
      family_note: { en: 'Llama 3 distilled from DeepSeek-R1', zh: '用 DeepSeek-R1 蒸馏的 Llama 3' },
      state: 'failed',
      fit: fit(
        'short_context',
        15.0e9,
        45e9,
        'R1-Distill-Llama-8B fits, but 45 GB of main memory leave room for only about 3 pages of conversation.',
        'R1-Distill-Llama-8B 放得下，但 45 GB 内存只够约 3 页的对话。',
      ),
      download: {
        ...download('deepseek-r1-distill-llama-8b', 'bf16'),
        state: 'failed',
        speed: 0,
        seconds_left: null,
        alternative: 'model_scope',
        error: { code: 'no_network', message: 'reach the source', detail: { host: 'huggingface.co' } },
      },
    },
    15.0e9,
  ),
];

export const ownFile = (path: string): ModelView =>
  model(
    'own-1',
    path.split('/').at(-1) ?? path,
    {
      family: 'own_file',
      family_note: {
        en: 'Your own file: Qwen 2.5 Math distilled from DeepSeek-R1',
        zh: '你自己的文件：用 DeepSeek-R1 蒸馏的 Qwen 2.5 Math',
      },
      known_as: 'deepseek-r1-distill-qwen-7b',
      params_total: 7.6e9,
      params_active: 7.6e9,
      state: 'ready',
      disk_used: 4.68e9,
      path,
      licence: '',
      variants: [],
    },
    4.68e9,
    'Q4_K_M',
  );

export const movedAside: ErrorView = {
  code: 'own_models_unreadable',
  message: 'read the list',
  detail: { path: '/data/own-models.json.bad' },
};

const FILE = '/home/user/.local/share/whaledeck/history.db';
export const opened: StartView = { failure: null, read_only: null, ways: ['retry'], path: FILE };
export const unopened: StartView = {
  ...opened,
  ways: ['retry', 'read_only', 'empty'],
  failure: {
    code: 'history_unreadable',
    message: `read the history at ${FILE}: the file ends at 40960 of 86016 bytes`,
    detail: { path: FILE },
  },
};
export const fullDisk: ErrorView = {
  code: 'disk_full',
  message: 'write the history: the disk is full',
  detail: {},
};
export const backups: BackupView[] = [
  {
    id: '20261124T081500.000Z-daily',
    kind: 'daily',
    created_at: '2026-11-24T08:15:00Z',
    bytes: 1.42e6,
    pictures: 3,
  },
  {
    id: '20261123T092000.000Z-daily',
    kind: 'daily',
    created_at: '2026-11-23T09:20:00Z',
    bytes: 1.31e6,
    pictures: 1,
  },
  {
    id: '20261122T200100.000Z-update',
    kind: 'update',
    created_at: '2026-11-22T20:01:00Z',
    bytes: 1.3e6,
    pictures: 0,
  },
];

export const worker: WorkerView = {
  model_id: 'guide',
  state: 'ready',
  loaded: 11.4e6,
  total: 11.4e6,
  place: 'NVIDIA GeForce RTX 4080',
  card_memory: 872e6,
  card_problem: null,
  memory: 148e6,
  context_length: 4096,
  error: null,
};

export const died: ErrorView = {
  code: 'worker_died',
  message: 'read the answer: connection closed',
  detail: { exit: 'signal 9' },
};

export const cardLost: ErrorView = {
  code: 'card_lost',
  message: 'compute: the card stopped working (an illegal memory access was encountered)',
  detail: { reason: 'an illegal memory access was encountered' },
};

export const settings: SettingsView = {
  language: 'system',
  theme: 'system',
  models_dir: hardware.disk.models_dir,
  source: 'hugging_face',
  hugging_face_endpoint: 'https://huggingface.co',
  model_scope_endpoint: 'https://modelscope.cn',
  welcomed: true,
  send_with_enter: true,
  chat_titles: 'local',
  notifications: true,
  tray: false,
  place: 'auto',
  card: 0,
  proxy: 'system',
  proxy_address: '',
  proxy_user: '',
  proxy_password: 'nowhere',
  certificates: '',
  last_chat: { model_id: '', preset_id: 'deepseek', sampling: null, system_prompt: '' },
  models: {},
  measured: null,
};

export const stats: AnswerStats = {
  model_id: 'guide',
  prompt_tokens: 212,
  completion_tokens: 86,
  first_token_ms: 310,
  tokens_per_second: 47.3,
};

export const ANSWER = `A **24 GB** card runs *DeepSeek-R1-Distill-Qwen-32B* in 4-bit:

1. The weights take 19.9 GB.
2. That leaves about 3 GB for the conversation.

| Model | Size |
|---|---|
| Distill-Qwen-14B | 9.0 GB |
| Distill-Qwen-32B | 19.9 GB |

The weights follow from the parameters $p$ and the bits of each, $b$:

\\[
m = p \\cdot \\frac{b}{8} \\approx 32.8 \\times 10^9 \\cdot \\frac{4.85}{8} = 19.9 \\times 10^9
\\]

\`\`\`python
def size(parameters, bits=4.85):
    """Bytes of the weights."""
    return parameters * bits / 8  # 19.9e9 for 32.8e9
\`\`\`

Pick the smaller one for long conversations.`;

/** An answer of about 5,000 tokens, full of formulas, code and lists: what makes a page stumble. */
export const FLOOD = Array.from(
  { length: 64 },
  (_, n) => `## Step ${n}

The energy $E_{${n}} = \\hbar\\omega\\left(${n} + \\tfrac{1}{2}\\right)$ follows, and \\(a_{${n}} \\ge \\sqrt{x^2 + y^2}\\) holds.

\\[
\\sum_{k=0}^{${n}} \\binom{${n}}{k} x^k = (1 + x)^{${n}}
\\]

- one **point** of step ${n}
- another, with \`code\`

\`\`\`rust
fn step_${n}(x: f64) -> f64 { x.powi(${n}) + 1.0 } // one line
\`\`\`
`,
).join('\n');

export function message(
  id: string,
  parent: string | null,
  role: MessageView['role'],
  text: string,
  change: Partial<MessageView> = {},
): MessageView {
  return {
    id,
    parent_id: parent,
    role,
    text,
    pictures: [],
    documents: [],
    passages: [],
    calls: [],
    boxes: [],
    reasoning: '',
    thinking_seconds: null,
    state: 'done',
    error: null,
    stats: null,
    siblings: [id],
    created_at: NOW,
    ...change,
  };
}

export const emptyChat = (id: string): ChatView => ({
  id,
  title: '',
  model_id: 'guide',
  preset_id: 'deepseek',
  sampling: sampling(0.6, 0.95),
  system_prompt: '',
  context_start: null,
  folder_id: null,
  temporary: false,
  messages: [],
});

const DAYS: Record<string, number> = { c1: 0, c2: 1, c3: 4, c4: 40, c5: 41 };
export const updatedAt = (id: string): string => day(DAYS[id] ?? 0);

/** Drawn scenes of two shapes, in place of photographs. */
const scene = (width: number, height: number, inside: string): string =>
  `data:image/svg+xml,${encodeURIComponent(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}"><rect width="100%" height="100%" fill="#bfe0f2"/><rect y="${height * 0.6}" width="100%" height="40%" fill="#2f6f9f"/>${inside}</svg>`)}`;
export const drawn: Record<string, string> = {
  sea: scene(
    1280,
    640,
    '<path d="M180 430q160-150 360-40l60-50-10 90 50 60-90-20q-220 120-370-40" fill="#23415c"/><circle cx="262" cy="418" r="9" fill="#fff"/><path d="M820 400h300l-50 90h-200z" fill="#8a4b2a"/><path d="M960 160v230M960 170l130 200H970z" fill="#fff" stroke="#444" stroke-width="8"/>',
  ),
  tall: scene(
    600,
    900,
    '<circle cx="460" cy="150" r="70" fill="#f2c230"/><path d="M300 380l60 170H240z" fill="#fff"/><path d="M180 560h240l-40 70H220z" fill="#8a4b2a"/>',
  ),
};
export const pictures: PictureView[] = [
  { id: 'sea', kind: 'image/svg+xml', width: 1280, height: 640, size: 184_000 },
  { id: 'tall', kind: 'image/svg+xml', width: 600, height: 900, size: 91_000 },
];
const pictured = (id: string): PictureView[] => pictures.filter((one) => one.id === id);

/** As the app would: tiles by shape, none with three pictures or more. */
export function cut(picture: PictureView, count: number): PicturePlan {
  const ratio = picture.width / picture.height;
  const [columns, rows] = count > 2 ? [1, 1] : ratio > 1.4 ? [2, 1] : ratio < 0.7 ? [2, 3] : [2, 2];
  return { id: picture.id, columns, rows, tokens: 211 + rows * 14 * (columns * 14 + 1) };
}

export const boxesOn = (picture: PictureView): BoxView[] => {
  const area = (left: number, top: number, right: number, bottom: number) => ({
    left: Math.round(left * picture.width),
    top: Math.round(top * picture.height),
    right: Math.round(right * picture.width),
    bottom: Math.round(bottom * picture.height),
  });
  return [
    { label: 'the whale', picture_id: picture.id, areas: [area(0.13, 0.5, 0.5, 0.83)] },
    { label: 'a boat with a white sail', picture_id: picture.id, areas: [area(0.63, 0.24, 0.88, 0.77)] },
  ];
};

export function chats(state: string): ChatView[] {
  if (state === 'pictures') {
    const [sea] = pictured('sea');
    return [
      {
        ...emptyChat('p1'),
        title: 'What is in the sea?',
        model_id: 'deepseek-vl2-tiny',
        messages: [
          { ...message('p-m1', null, 'user', 'What do you see? Mark it.'), pictures: pictured('sea') },
          {
            ...message(
              'p-m2',
              'p-m1',
              'assistant',
              'I see the whale on the left and a boat with a white sail on the right.',
            ),
            boxes: sea ? boxesOn(sea) : [],
            stats: { ...stats, model_id: 'deepseek-vl2-tiny', prompt_tokens: 644 },
          },
          message('p-m3', 'p-m2', 'user', 'And which is larger?'),
          { ...message('p-m4', 'p-m3', 'assistant', 'The whale.'), stats },
        ],
      },
    ];
  }
  const answered = message('m2', 'm1', 'assistant', ANSWER, {
    reasoning: 'The question names a GPU with 24 GB. I compare the weights of the distills with that number.',
    thinking_seconds: 12.4,
    stats,
    siblings: ['m2', 'm2b'],
  });
  const cut = message('m2', 'm1', 'assistant', 'A **24 GB** card runs', {
    state: 'interrupted',
    error: state === 'card' ? cardLost : died,
  });
  return [
    {
      ...emptyChat('c1'),
      title: 'Which model for a 24 GB GPU?',
      messages: [
        message('m1', null, 'user', 'Which DeepSeek model should I run on a 24 GB GPU?'),
        state === 'interrupted' || state === 'card' ? cut : answered,
      ],
    },
    {
      ...emptyChat('c2'),
      title: '混合专家是什么意思？',
      messages: [message('m3', null, 'user', '混合专家是什么意思？')],
    },
    { ...emptyChat('c3'), title: 'What do the presets change?' },
    {
      ...emptyChat('c4'),
      title: 'Why is the FP8 checkpoint of DeepSeek-R1 so much smaller than the other one?',
    },
  ];
}

const provider = (
  id: string,
  en: string,
  zh: string,
  address: string,
  key_page: string,
  lists_models = true,
): ProviderView => ({
  id,
  name: { en, zh },
  address,
  key_page,
  lists_models,
});

export const providers: ProviderView[] = [
  provider(
    'deepseek',
    'DeepSeek',
    'DeepSeek 官方',
    'https://api.deepseek.com',
    'https://platform.deepseek.com/api_keys',
  ),
  provider(
    'volcengine',
    'Volcengine Ark',
    '火山引擎方舟',
    'https://ark.cn-beijing.volces.com/api/v3',
    'https://console.volcengine.com/ark',
  ),
  provider(
    'azure',
    'Azure AI Foundry',
    'Azure AI Foundry',
    'https://{resource}.services.ai.azure.com/openai/v1',
    'https://ai.azure.com/',
    false,
  ),
  provider('custom', 'Another service', '其他服务', '', ''),
];

export function endpoint(
  provider_id: string,
  name: string,
  key_place: EndpointView['key_place'] = 'keyring',
): EndpointView {
  const known = providers.find((one) => one.id === provider_id);
  const models = ['deepseek-flash', 'deepseek-v4-pro'].map((model) => ({
    id: `cloud:${provider_id}/${model}`,
    name: model,
  }));
  return {
    id: provider_id,
    provider_id,
    name: name || (known?.name.en ?? provider_id),
    address: known?.address ?? '',
    key_place,
    models,
    recommended: sampling(1, 0.95),
    unused: provider_id === 'azure' ? ['top_k', 'thinking'] : ['top_k'],
    unused_while_thinking: ['temperature', 'frequency_penalty'],
    continues: provider_id === 'deepseek',
  };
}

export const endpoints: EndpointView[] = [endpoint('deepseek', ''), endpoint('volcengine', '', 'file')];

const STEPS = ['name', 'connect', 'tls', 'key', 'models', 'token'] as const;
/** A service of the person's own has no list of its models. */
export const passedTest = (tested: EndpointView): EndpointTest => ({
  steps: STEPS.map((step) => ({
    step,
    state: step === 'models' && tested.provider_id === 'custom' ? 'absent' : 'passed',
  })),
  error: null,
  endpoint: tested,
  model: tested.models[0]?.name ?? null,
});
export const refusedTest = (tested: EndpointView): EndpointTest => ({
  steps: STEPS.map((step, at) => ({ step, state: at < 3 ? 'passed' : at === 3 ? 'failed' : 'skipped' })),
  error: {
    code: 'key_refused',
    message: 'be let in: the key was refused',
    detail: { host: 'api.deepseek.com' },
  },
  endpoint: tested,
  model: null,
});

export const unshared: SharingView = {
  spec: { on: false, host: '127.0.0.1', port: 8137, rate: 60, origins: [] },
  beyond: false,
  addresses: [],
  model_id: null,
  waiting: false,
  keys: [],
};

export const shared: SharingView = {
  spec: { on: true, host: '0.0.0.0', port: 8137, rate: 60, origins: [] },
  beyond: true,
  addresses: ['http://127.0.0.1:8137/v1', 'http://192.168.1.7:8137/v1'],
  model_id: 'guide',
  waiting: false,
  keys: [
    { id: 'k1', name: 'Editor on the laptop', created_at: day(3), expires_at: day(-27), expired: false },
    { id: 'k2', name: 'Home Assistant', created_at: day(90), expires_at: day(60), expired: true },
  ],
};

export const requests: SharingRequest[] = [
  {
    at: day(0),
    key: 'Editor on the laptop',
    path: '/v1/chat/completions',
    status: 200,
    ms: 5210,
    prompt_tokens: 412,
    completion_tokens: 96,
  },
  {
    at: day(0),
    key: 'Editor on the laptop',
    path: '/v1/chat/completions',
    status: 429,
    ms: 0,
    prompt_tokens: 0,
    completion_tokens: 0,
  },
  { at: day(1), key: '?', path: '/v1/models', status: 401, ms: 0, prompt_tokens: 0, completion_tokens: 0 },
];

export const repositoryHits = (source: SourceKind): RepositoryHitView[] =>
  ['unsloth/DeepSeek-R1-Distill-Qwen-14B-GGUF', 'bartowski/DeepSeek-R1-Distill-Llama-8B-GGUF'].map(
    (repo) => ({
      repo,
      source,
      downloads: 84_200,
      likes: 120,
      licence: 'mit',
      gated: repo.startsWith('bartowski'),
      gguf: true,
    }),
  );

const group = (name: string, size: number, change: Partial<FileGroupView> = {}): FileGroupView => ({
  name,
  precision: name,
  size,
  files: 1,
  architecture: 'Qwen2',
  params_total: 14.8e9,
  context_max: 131072,
  fit: onCard('DeepSeek-R1-Distill-Qwen-14B', size),
  problem: null,
  own_facts: name === 'Q4_K_M',
  ...change,
});

export const repository: RepositoryView = {
  repo: 'unsloth/DeepSeek-R1-Distill-Qwen-14B-GGUF',
  source: 'hugging_face',
  licence: 'mit',
  gated: false,
  groups: [
    group('Q4_K_M', 8.99e9),
    group('Q6_K', 12.1e9),
    group('Q8_0', 15.7e9),
    group('TQ1_0', 3.7e9, {
      fit: null,
      own_facts: true,
      architecture: null,
      problem: {
        code: 'model_format_unsupported',
        message: 'read the model',
        detail: { format: 'TQ1_0', path: 'unsloth/DeepSeek-R1-Distill-Qwen-14B-GGUF/x-TQ1_0.gguf' },
      },
    }),
  ],
  projectors: ['mmproj-F16.gguf'],
};

/** What the header of one precision says itself: the first shard of Q6_K is not on the source. */
export const checked = (one: FileGroupView): FileGroupView =>
  one.name === 'Q6_K'
    ? {
        ...one,
        own_facts: true,
        fit: null,
        architecture: null,
        problem: {
          code: 'model_part_missing',
          message: 'read the model',
          detail: { number: '1', count: '2', path: 'unsloth/DeepSeek-R1-Distill-Qwen-14B-GGUF/x-Q6_K.gguf' },
        },
      }
    : { ...one, own_facts: true };

/** A repository whose makers grant access one by one, without a token. */
export const gated = (repo: string, source: SourceKind): RepositoryView => ({
  ...repository,
  repo,
  source,
  gated: true,
  groups: repository.groups.map((one) => ({
    ...one,
    own_facts: true,
    fit: null,
    architecture: null,
    problem: { code: 'gated_model', message: 'get access', detail: { repo } },
  })),
});
