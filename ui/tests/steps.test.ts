import { expect, test } from 'vitest';
import { stepsOf } from '$lib/kit/steps';

test('steps have no noise and hold the value', () => {
  expect(stepsOf(0, 0.3, 0.1, 0.1)).toEqual([0, 0.1, 0.2, 0.3]);
  expect(stepsOf(0.05, 1, 0.05, 0.95)).toHaveLength(20);
  expect(stepsOf(0, 1.5, 0.05, 0.33).slice(6, 9)).toEqual([0.3, 0.33, 0.35]);
  expect(stepsOf(0, 512, 256, 5000)).toEqual([0, 256, 512, 5000]);
});
