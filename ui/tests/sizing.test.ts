import { expect, test } from 'vitest';
import { catalogue, reason } from '$lib/components/plan/words';
import { countable, labelOf, parseMachines } from '$lib/components/sizing/machines';
import type { CardsView } from '$lib/ipc/bindings';
import { sorted } from '$lib/components/sizing/order';

test.each([
  ['8xH100-80G', { machines: 1, each: 8, card: 'H100-80G' }],
  ['2x8xH100-80G', { machines: 2, each: 8, card: 'H100-80G' }],
  ['1xRTX-4090-24G', { machines: 1, each: 1, card: 'RTX-4090-24G' }],
])('%s is told apart and put together again', (text, parts) => {
  expect(parseMachines(text)).toEqual(parts);
  expect(labelOf(parts)).toBe(text);
  expect(countable(parts)).toBe(true);
});

test('what is no machine is not taken for one, and counts have an end', () => {
  expect(parseMachines('8x')).toBeUndefined();
  expect(parseMachines('H100')).toEqual({ machines: 1, each: 1, card: 'H100' });
  for (const wrong of [
    { machines: 0, each: 1 },
    { machines: 65, each: 1 },
    { machines: 1, each: 17 },
    { machines: 1, each: 1.5 },
    { machines: NaN, each: 1 },
  ]) {
    expect(countable({ ...wrong, card: 'H100' })).toBe(false);
  }
});

test('cards that hold it come first, the least memory in all before more', () => {
  const row = (card: string, memory: number, count: number, verdict: CardsView['verdict']) =>
    ({ card, memory, count, verdict }) as CardsView;
  const rows = [
    row('big', 200, 8, 'holds'),
    row('none', 80, 8, 'no_fp8'),
    row('small', 8, 32, 'too_small'),
    row('fits', 140, 8, 'holds'),
    row('short', 96, 8, 'short_context'),
  ];
  const { holds, others } = sorted(rows);
  expect(holds.map((one) => one.card)).toEqual(['fits', 'big']);
  expect(others.map((one) => one.card)).toEqual(['short', 'small', 'none']);
});

test('every reason of a plan has words, its values are put in and long numbers grouped', () => {
  // That every code has words is tested beside the codes: crates/messages.
  const codes = Object.keys(catalogue);
  expect(codes.length).toBeGreaterThan(40);
  for (const code of codes)
    for (const lang of ['en', 'zh'] as const)
      expect(reason({ code, values: {} }, lang), code).not.toMatch(/[{}]/);
  expect(reason({ code: 'leader', values: { port: '50000' } }, 'en')).toContain('port 50000');
  expect(reason({ code: 'context', values: { max: '163840', tokens: '32768' } }, 'zh')).toContain('163,840');
  expect(reason({ code: 'of_the_future', values: {} }, 'en')).toBe('of_the_future');
});
