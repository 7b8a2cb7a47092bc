import { expect, test } from 'vitest';
import { bytesAt, CONTEXTS, decades, placeOf } from '$lib/components/how/cache';
import { aligned } from '$lib/components/how/chances';
import { framesOf, tally } from '$lib/components/how/drafts';
import { errorOf, moved, rangeOf } from '$lib/components/how/fp8';
import { gridOf } from '$lib/components/how/grid';
import { biasOf, differentExperts } from '$lib/components/how/routing';
import { colourOf } from '$lib/experts/scale';
import { chance, finePercent, significant } from '$lib/format/significant';
import type { CacheSize, TokenChance, TokenTrace } from '$lib/ipc/bindings';

test('the error of FP8 is the largest, and all errors against all magnitudes', () => {
  const { errors, largest, relative } = errorOf({ values: [1, -2, 0, 0.5], fp8: [1.25, -2, 0, 0.25] });
  expect([...errors]).toEqual([0.25, 0, 0, -0.25]);
  expect(largest).toBe(0.25);
  expect(relative).toBeCloseTo(0.5 / 3.5);
  expect(errorOf({ values: [0, 0], fp8: [0, 0] })).toMatchObject({ largest: 0, relative: 0 });
  expect(rangeOf([0.5, -2, 1])).toEqual({ least: -2, most: 1 });
  expect(rangeOf([])).toEqual({ least: 0, most: 0 });
});

test('keys go from number to number and stay in the block', () => {
  expect(moved({ row: 0, col: 0 }, 'ArrowUp', 4, 8)).toEqual({ row: 0, col: 0 });
  expect(moved({ row: 1, col: 2 }, 'ArrowRight', 4, 8)).toEqual({ row: 1, col: 3 });
  expect(moved({ row: 1, col: 2 }, 'End', 4, 8)).toEqual({ row: 1, col: 7 });
  expect(moved({ row: 1, col: 2 }, 'PageDown', 4, 8)).toEqual({ row: 3, col: 2 });
  expect(moved({ row: 1, col: 2 }, 'Tab', 4, 8)).toBeUndefined();
});

const token = (text: string, probability: number, end = false): TokenChance => ({ text, end, probability });

test('distributions stand in one order, and what one of them cannot draw is nothing', () => {
  const { rows, others } = aligned([[token('a', 0.9), token('b', 0.1)], [token('b', 1)]], 10);
  expect(rows.map((row) => row.text)).toEqual(['b', 'a']);
  expect(rows.map((row) => row.cells.map((cell) => cell.probability))).toEqual([
    [0.1, 1],
    [0.9, 0],
  ]);
  expect(rows[1]?.cells[1]).toEqual({ probability: 0, atMost: 0 });
  expect(others).toEqual([0, 0]);
});

test('a token that a cut list does not name has a limit, and the rest is told', () => {
  const { rows, others } = aligned([[token('a', 0.6), token('b', 0.2)], [token('c', 1)]], 2);
  expect(rows.map((row) => row.text)).toEqual(['c', 'a']);
  expect(rows[0]?.cells[0]?.probability).toBe(0);
  expect(rows[0]?.cells[0]?.atMost).toBeCloseTo(0.2);
  expect(others[0]).toBeCloseTo(0.4);
  expect(others[1]).toBe(0);
});

test('the end of an answer is not a token of the same text, and the same text twice is one row', () => {
  const { rows } = aligned([[token('', 0.5, true), token('', 0.2), token('x', 0.2), token('x', 0.1)]], 10);
  expect(rows.map((row) => [row.text, row.end, row.cells[0]?.probability])).toEqual([
    ['', true, 0.5],
    ['x', false, expect.closeTo(0.3)],
    ['', false, 0.2],
  ]);
});

const size = (all_heads: number, bf16: number, fp8: number): CacheSize => ({
  model_id: '',
  name: '',
  latent: true,
  all_heads,
  bf16,
  fp8,
});

test('the cache grows with the context, and every amount has a place on the scale', () => {
  const v3 = size(4_997_120, 70_272, 40_000);
  expect(bytesAt(v3, 1000)).toEqual({ allHeads: 4_997_120_000, bf16: 70_272_000, fp8: 40_000_000 });
  const scale = decades([v3, size(57_344, 57_344, 29_000)]);
  expect(scale[0]).toBe(1e7);
  expect(scale.at(-1)).toBe(1e12);
  expect(placeOf(1e7, scale)).toBe(0);
  expect(placeOf(1e12, scale)).toBe(1);
  expect(placeOf(1e9, scale)).toBeCloseTo(0.4);
  expect(placeOf(0, scale)).toBe(0);
  for (const tokens of CONTEXTS) expect(placeOf(bytesAt(v3, tokens).allHeads, scale)).toBeLessThan(1);
});

const trace = (text: string, drafted: boolean, rejected: string | null = null): TokenTrace => ({
  text,
  drafted,
  rejected,
  experts: [],
});

test('a refused draft is shown before the token of the model', () => {
  const frames = framesOf([trace('a', false), trace('b', true), trace('c', false, 'x')]);
  expect(frames.map(({ kind, text }) => `${kind} ${text}`)).toEqual([
    'plain a',
    'drafted b',
    'refused x',
    'plain c',
  ]);
  expect(tally(frames)).toEqual({ accepted: 1, proposed: 2, tokens: 3, passes: 2 });
  expect(tally([])).toEqual({ accepted: 0, proposed: 0, tokens: 0, passes: 0 });
});

test('a bias is told against the average of its layer', () => {
  const bias = biasOf([4, 5, 6, 5]);
  expect(bias).toMatchObject({
    least: { at: 0, value: -1 },
    most: { at: 2, value: 1 },
    raised: 1,
    lowered: 1,
  });
  expect(biasOf([])).toBeUndefined();
  expect(biasOf(undefined)).toBeUndefined();
  expect(
    differentExperts({
      ...trace('', false),
      experts: [
        [1, 2],
        [2, 2],
      ],
    }),
  ).toBe(3);
});

test('the cells of a grid have whole pixels and stay in sight', () => {
  expect(gridOf(26, 64, 900, 1)).toEqual({ cell: 14, row: 8, width: 896, height: 208 });
  const large = gridOf(58, 256, 700, 1);
  expect([large.cell, large.row]).toEqual([2, 4]);
});

test('small numbers, chances and shares keep the digits that say something', () => {
  expect(significant(0.012345, 'en')).toBe('0.0123');
  expect(significant(0.5, 'en', 2, true)).toBe('+0.5');
  expect([0, 0.001, 0.049, 1].map((value) => chance(value, 'en'))).toEqual(['0', '<1%', '5%', '100%']);
  expect(finePercent(0.0226, 'en')).toBe('2.3%');
});

test('a colour that a build made shorter is the same colour', () => {
  expect(colourOf(' #fff')).toEqual(colourOf('#ffffff'));
  expect(colourOf('#1a2b3c')).toEqual([26, 43, 60]);
});
