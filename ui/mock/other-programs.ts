// Models in the folders of other programs: one of each verdict, and one that the engine does not run.
import type { FitView, ModelView, OtherProgramModel } from '$lib/ipc/bindings';

const HOME = '/home/me';

function fit(verdict: FitView['verdict'], weights: number, en: string, zh: string): FitView {
  const needed = weights + 1.4e9;
  return {
    verdict,
    reason: { en, zh },
    place: verdict === 'too_large' ? 'nowhere' : 'cpu',
    card: null,
    context: 8192,
    weights,
    kv: 1e9,
    overhead: 0.4e9,
    needed,
    available: 45e9,
    speed_estimate: null,
  };
}

const found = (change: Partial<OtherProgramModel>): OtherProgramModel => ({
  program: 'Ollama',
  label: 'deepseek-r1:8b',
  path: `${HOME}/.ollama/models/blobs/sha256-${'6a'.repeat(32)}`,
  size: 5.2e9,
  fit: fit(
    'runs_well',
    5.2e9,
    'deepseek-r1:8b needs 6.6 GB of the 45 GB of main memory that can be used.',
    'deepseek-r1:8b 需要 6.6 GB，可用内存有 45 GB。',
  ),
  problem: null,
  added: false,
  ...change,
});

const all: OtherProgramModel[] = [
  found({}),
  found({
    program: 'LM Studio',
    label: 'lmstudio-community/DeepSeek-R1-Distill-Llama-70B-GGUF/DeepSeek-R1-Distill-Llama-70B-Q5_K_M',
    path: `${HOME}/.lmstudio/models/lmstudio-community/R1-70B/DeepSeek-R1-Distill-Llama-70B-Q5_K_M.gguf`,
    size: 49.9e9,
    fit: fit(
      'too_large',
      49.9e9,
      'DeepSeek-R1-Distill-Llama-70B-Q5_K_M needs 51.3 GB with about 12 pages of conversation, and only 45 GB of main memory can be used.',
      'DeepSeek-R1-Distill-Llama-70B-Q5_K_M 加上约 12 页的对话需要 51.3 GB，而可用内存只有 45 GB。',
    ),
  }),
  found({
    program: 'Hugging Face',
    label: 'google/gemma-3-4b-it',
    path: `${HOME}/.cache/huggingface/hub/models--google--gemma-3-4b-it/snapshots/093f9f38`,
    size: 8.6e9,
    fit: null,
    problem: {
      code: 'model_not_run',
      message: 'open the model',
      detail: { name: 'Gemma 3', architecture: 'Gemma3ForConditionalGeneration', engine: 'vLLM' },
    },
  }),
];

/** Those that are in the list are marked. */
export const modelsFound = (models: ModelView[]): OtherProgramModel[] =>
  all.map((one) => ({ ...one, added: models.some((model) => model.path === one.path) }));
