import { expect, test } from 'vitest';
import { answersOf, placesOf, scaleOf, secondsLeft, SETS } from '$lib/components/how/measure';
import { change, plusMinus, score } from '$lib/format/scores';

test('scores and changes have the digits of the terminal', () => {
  expect(score(0.9611, 'en')).toBe('96.1%');
  expect(plusMinus(0.9611, 0.0096, 'en')).toBe('96.1 ± 1.0%');
  expect(plusMinus(0, 0, 'zh')).toBe('0.0 ± 0.0%');
  expect(change(0.12, 'en', 0)).toBe('+12%');
  expect(change(-0.0189, 'en')).toBe('-1.9%');
  expect([change(0, 'en'), change(-0.0001, 'en'), change(-0.0001, 'zh', 0)]).toEqual([
    '+0.0%',
    '+0.0%',
    '+0%',
  ]);
});

test('every prompt is asked without and with the preset in each round', () => {
  expect(SETS.map(({ prompts }) => answersOf(prompts, 3))).toEqual([360, 120, 120]);
});

test('the time left follows from what is done, and is not told before some are', () => {
  expect(secondsLeft(4, 360, 2)).toBeUndefined();
  expect(secondsLeft(36, 360, 12)).toBeCloseTo(108);
  expect(secondsLeft(360, 360, 120)).toBeUndefined();
});

test('the axis of scores ends at a round number above them', () => {
  expect(scaleOf([0.073, 0.07])).toBe(0.1);
  expect(scaleOf([0, 0])).toBe(0.05);
  expect(scaleOf([0.3, 0.49])).toBe(1);
  expect(scaleOf([1, 1.01])).toBe(1.01);
  expect(scaleOf([])).toBe(0.05);
});

test('no change, the claim and the interval stand in their order on one axis', () => {
  const places = placesOf({ relative: 0.006, relative_interval: { low: -0.019, high: 0.031 }, claim: 0.12 });
  const { low, none, change: measured, high, claim } = places ?? {};
  const order = [0, low, none, measured, high, claim, 1];
  expect([...order].sort((a, b) => Number(a) - Number(b))).toEqual(order);
  const one = placesOf({ relative: 0.3, relative_interval: null, claim: 0.12 });
  expect(one?.low).toBe(one?.high);
  expect(placesOf({ relative: null, relative_interval: null, claim: 0.12 })).toBeUndefined();
  expect(placesOf({ relative: 0, relative_interval: { low: 0, high: 0 }, claim: 0.45 })?.none).toBeCloseTo(
    0.35 / 1.6,
  );
});
