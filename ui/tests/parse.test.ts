import { expect, test } from 'vitest';
import { parseNumber, typedValue } from '$lib/format/parse';

test('a number has a point or a comma, and wide digits are digits', () => {
  expect(
    ['0.6', '0,6', ' 1 ', '.5', '2.', '-1', '\uff10\uff0e\uff16'].map((text) => parseNumber(text, false)),
  ).toEqual([0.6, 0.6, 1, 0.5, 2, -1, 0.6]);
  for (const text of ['', '.', 'warm', '1.2.3', '1e3', '∞'])
    expect(parseNumber(text, false), text).toBeUndefined();
});

test('separators of thousands are none of fractions in whole numbers', () => {
  expect(['4,096', '4.096', '4 096', '1,048,576', '4096'].map((text) => parseNumber(text, true))).toEqual([
    4096, 4096, 4096, 1048576, 4096,
  ]);
  expect(parseNumber('4,096', false)).toBe(4.096);
});

test('what is typed stays within the ends', () => {
  const temperature = { min: 0, max: 1.5, step: 0.05 };
  expect(['9', '-3', '0,333', '0.33', 'x'].map((text) => typedValue(text, temperature))).toEqual([
    1.5,
    0,
    0.33,
    0.33,
    undefined,
  ]);
  expect(['300.4', '99999', '0'].map((text) => typedValue(text, { min: 0, max: 8192, step: 256 }))).toEqual([
    300, 8192, 0,
  ]);
});
