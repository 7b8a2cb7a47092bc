// Models whose files are links to those of other programs: one that is complete, one whose file is gone, one whose file was
// changed, and a download that found most of its files.
import type { DownloadView, ErrorView, ModelView } from '$lib/ipc/bindings';
import { download, models, ownFile } from './data';

const linked = (size: number) => [{ program: 'Hugging Face', size }];

const problem = (code: ErrorView['code'], program: string, target: string): ErrorView => ({
  code,
  message: 'use the model',
  detail: { path: '/home/lin/models/DeepSeek-R1-Distill-Qwen-1.5B-Q8_0.gguf', program, target },
});

export const linkedModels = (): ModelView[] => {
  const all = structuredClone(models);
  const several = all.find((one) => one.precisions.length > 1);
  const [first, second] = several?.precisions ?? [];
  if (several && first && second) {
    Object.assign(first, { disk_used: 7_200, linked: linked(3.55e9), in_use: true });
    const gone = problem(
      'linked_file_missing',
      'Ollama',
      '/usr/share/ollama/.ollama/models/blobs/sha256-1f2e',
    );
    Object.assign(second, { state: 'failed', in_use: false, linked: [], disk_used: 900, problem: gone });
    Object.assign(several, { disk_used: 8_100, linked: linked(3.55e9) });
  }
  const own: ModelView = {
    ...ownFile('/home/lin/models/lmstudio-community@DeepSeek-R1-0528-Qwen3-8B-GGUF@Q4_K_M/x.gguf'),
    id: 'own-linked',
    name: 'DeepSeek-R1-0528-Qwen3-8B',
    repository: 'lmstudio-community/DeepSeek-R1-0528-Qwen3-8B-GGUF:Q4_K_M',
    state: 'failed',
    disk_used: 2_100,
    linked: [{ program: 'LM Studio', size: 5.03e9 }],
    problem: problem('linked_file_changed', 'LM Studio', '/home/lin/.lmstudio/models/x-Q4_K_M.gguf'),
  };
  return [...all, own];
};

/** A download of a repository, most of which is in the cache of another program. */
export const linkedDownload = (): DownloadView => {
  const view = download('deepseek-ai/DeepSeek-R1-Distill-Qwen-7B', 'safetensors');
  const files = view.files.map((one) =>
    one.verified ? { ...one, found_in: 'Hugging Face', linked: true } : { ...one, found_in: null },
  );
  return { ...view, files };
};
