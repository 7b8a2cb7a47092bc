// The counts of experts, how evenly they are spread, the difference of two answers, and the scale of their
// colours.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { ExpertCounts } from '$lib/experts/counts';
import { comparable, difference } from '$lib/experts/difference';
import { MOST, colourOf, ramp, stepOf } from '$lib/experts/scale';
import { spreadByLayer, spreadOf } from '$lib/experts/spread';

const SHAPE = { n_routed_experts: 4, num_experts_per_tok: 2, layers: [3, 4] };
function counted(...tokens: number[][][]): ExpertCounts {
  const counts = new ExpertCounts();
  counts.shape(SHAPE);
  for (const token of tokens) counts.add(token);
  return counts;
}

test('each choice is counted by layer and expert', () => {
  const counts = counted(
    [
      [0, 1],
      [3, 2],
    ],
    [
      [0, 2],
      [3, 1],
    ],
    [],
  );
  expect([...counts.counts]).toEqual([2, 1, 1, 0, 0, 1, 1, 2]);
  expect(counts.tokens).toBe(2);
  expect(counts.layers).toEqual([3, 4]);
  expect(counts.evenShare(0)).toBe(1);
});

test('without a shape, it is that of what was chosen', () => {
  const counts = new ExpertCounts();
  counts.add([[1], [0]]);
  expect([counts.layers, counts.experts]).toEqual([[0, 1], 2]);
  counts.add([[5], [1]]);
  expect(counts.experts).toBe(6);
  expect([...counts.counts]).toEqual([0, 1, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0]);
  counts.shape({ n_routed_experts: 8, num_experts_per_tok: 1, layers: [1, 2] });
  expect([counts.layers, counts.experts]).toEqual([[1, 2], 8]);
  expect([...counts.counts.subarray(8, 10)]).toEqual([1, 1]);
});

test('the spread names the busiest, the used and the work of the busiest tenth', () => {
  const counts = counted(
    [
      [0, 1],
      [3, 2],
    ],
    [
      [0, 2],
      [3, 1],
    ],
    [
      [0, 1],
      [2, 1],
    ],
  );
  expect(spreadOf(counts)).toEqual({
    busiest: { layer: 3, expert: 0, count: 3, times: 2 },
    used: 6,
    all: 8,
    busiestTenth: 3 / 12,
  });
  expect(spreadByLayer(counts)[0]).toEqual({
    layer: 3,
    most: [
      { expert: 0, count: 3 },
      { expert: 1, count: 2 },
      { expert: 2, count: 1 },
    ],
    used: 3,
    times: 2,
  });
  expect(spreadOf(new ExpertCounts())).toEqual({ busiest: undefined, used: 0, all: 0, busiestTenth: 0 });
});

test('a difference tells who used an expert, and does not depend on the length', () => {
  const [one, other] = [
    counted([
      [0, 1],
      [0, 1],
    ]),
    counted(
      [
        [0, 2],
        [0, 1],
      ],
      [
        [0, 2],
        [0, 1],
      ],
    ),
  ];
  const found = difference(one, other);
  expect(found).toMatchObject({ here: 1, there: 1, both: 3 });
  expect(found.layers[0]).toEqual({ layer: 3, here: 1, there: 1, both: 1 });
  expect([...found.values]).toEqual([0, 2, -2, 0, 0, 0, 0, 0]);
  expect(comparable(one, other)).toBe(true);
  expect(comparable(one, new ExpertCounts())).toBe(false);
});

test('the even share is in the middle of the scale', () => {
  expect([0, 1, MOST, 99].map((times) => stepOf(times, MOST))).toEqual([0, 128, 255, 255]);
});

test('lightness goes one way in both themes', () => {
  const tokens = readFileSync(fileURLToPath(new URL('../src/tokens.css', import.meta.url)), 'utf8');
  const themes = tokens.split(":root[data-theme='dark']");
  expect(themes).toHaveLength(2);
  const luminance = (pixel: number) =>
    0.2126 * (pixel & 255) + 0.7152 * ((pixel >> 8) & 255) + 0.0722 * ((pixel >> 16) & 255);
  for (const theme of themes) {
    const colour = (name: string) => new RegExp(`--heat-${name}: (#\\w{6});`).exec(theme)?.[1] ?? '';
    for (const [middle, most] of [
      ['even', 'most'],
      ['less', 'least'],
    ] as const) {
      const light = [...ramp(colour('none'), colour(middle), colour(most))].map(luminance);
      const sign = Math.sign((light.at(-1) ?? 0) - (light[0] ?? 0));
      light.slice(1).forEach((value, at) => expect((value - (light[at] ?? 0)) * sign).toBeGreaterThan(-1));
      expect(Math.abs((light.at(-1) ?? 0) - (light[0] ?? 0))).toBeGreaterThan(150);
    }
  }
});

test('a colour has six digits or three', () => {
  expect(colourOf(' #102030')).toEqual([16, 32, 48]);
  expect(colourOf('#fff')).toEqual([255, 255, 255]);
});
