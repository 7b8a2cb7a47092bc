import { expect, test } from 'vitest';
import { suggestionsFor } from '../src/lib/components/chat/suggestions';

test('only the built-in models are asked about the app', () => {
  const of = (id: string, name: string, family?: string) => suggestionsFor(id, name, family);
  expect(of('guide', 'Whaledeck Guide', 'guide')).toBe('guide');
  expect(of('deepseek-r1-distill-qwen-7b', 'R1-Distill-Qwen-7B', 'dense_distill')).toBe('reasoning');
  expect(of('deepseek-r1-0528', 'DeepSeek-R1-0528', 'original')).toBe('reasoning');
  expect(of('deepseek-coder-v2-lite-instruct', 'DeepSeek-Coder-V2-Lite-Instruct', 'original')).toBe('code');
  expect(of('deepseek-v3', 'DeepSeek-V3', 'original')).toBe('general');
  // A file of the person's and a model of a service: only the name is known.
  expect(of('own-1', 'smollm2-135m-instruct.gguf', 'own_file')).toBe('general');
  expect(of('own-2', 'guide to galaxies', 'own_file')).toBe('general');
  expect(of('cloud:1/deepseek-reasoner', 'deepseek-reasoner')).toBe('reasoning');
});
