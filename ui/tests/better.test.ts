import { expect, test } from 'vitest';
import type { ModelView } from '$lib/ipc/bindings';
import { betterThan } from '$lib/components/chat/better';
import { models, recommendation } from '../mock/data';

const byId = (id: string): ModelView => {
  const found = models.find((one) => one.id === id);
  if (!found) throw new Error(id);
  return found;
};
const seeing = (
  id: string,
  params_total: number,
  verdict: ModelView['fit']['verdict'],
  change: Partial<ModelView> = {},
): ModelView => ({
  ...byId('deepseek-vl2-tiny'),
  id,
  params_total,
  fit: { ...byId('deepseek-vl2-tiny').fit, verdict },
  ...change,
});
const guides = [byId('guide'), byId('guide-vision')];

test('the guide leads to the recommended model', () => {
  expect(betterThan(byId('guide'), models, recommendation)).toEqual({
    model: byId('deepseek-r1-distill-qwen-14b'),
    variant: 'q4_k_m',
    size: 8.99e9,
  });
  expect(betterThan(byId('guide'), models, { ...recommendation, model_id: 'guide' })).toBeUndefined();
  expect(betterThan(byId('guide'), models, undefined)).toBeUndefined();
});

test('the guide that sees leads to a model that sees photographs', () => {
  const found = (...all: ModelView[]) =>
    betterThan(byId('guide-vision'), [...guides, ...all], recommendation)?.model.id;
  expect(betterThan(byId('guide-vision'), models, recommendation)).toEqual({
    model: byId('deepseek-vl2-tiny'),
    variant: 'bf16',
    size: 6.7e9,
  });
  expect(found()).toBeUndefined();
  const [tiny, small, large] = [
    seeing('tiny', 3e9, 'runs_well'),
    seeing('small', 16e9, 'runs_well'),
    seeing('large', 27e9, 'too_large'),
  ];
  expect(found(tiny, small, large)).toBe('small');
  expect(found({ ...tiny, state: 'ready' }, small, large)).toBe('tiny');
  expect(found(large)).toBeUndefined();
  expect(found(seeing('a', 3e9, 'slow'), seeing('b', 16e9, 'slow'))).toBe('a');
  expect(found(seeing('c', 3e9, 'runs_well', { runs_embedded: false }))).toBeUndefined();
});
