import { describe, expect, test } from 'vitest';
import { bytes, duration, latency, money, pages, parameters, percent, speed } from '$lib/format';
import { byDay, dayGroup, newest } from '$lib/format/days';
import { day, logged, moment } from '$lib/format/times';
import { en, zh } from '$lib/i18n/catalogue';

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1664, '2 kB'],
  [11_400_000, '11.4 MB'],
  [999_600_000, '1 GB'],
  [19_900_000_000, '19.9 GB'],
  [688_600_000_000, '689 GB'],
  [1_340_000_000_000, '1.3 TB'],
])('%d bytes read as %s', (value, expected) => expect(bytes(value, 'en')).toBe(expected));

test('parameters follow the counting of the language', () => {
  expect(parameters(671e9, en, 'en')).toBe('671 billion');
  expect(parameters(671e9, zh, 'zh')).toBe('6,710 亿');
  expect(parameters(14.8e9, zh, 'zh')).toBe('148 亿');
  expect(parameters(10.6e6, zh, 'zh')).toBe('1,060 万');
});

test('tokens read as pages', () => {
  expect(pages(300, en, 'en')).toBe('about one page');
  expect(pages(8192, en, 'en')).toBe('about 12 pages');
  expect(pages(131_072, zh, 'zh')).toBe('约 196 页');
});

test('durations, shares and speeds', () => {
  expect(duration(0.2, en)).toBe('1 s');
  expect(duration(366, en)).toBe('6 min');
  expect(duration(5400, zh)).toBe('1 小时 30 分钟');
  expect(latency(420, en, 'en')).toBe('0.42 s');
  expect(latency(12_345, zh, 'zh')).toBe('12.3 秒');
  expect(money(0.000_123_4, 'en')).toBe('0.000123');
  expect(percent(1, 0, 'en')).toBe('0%');
  expect(percent(3, 2, 'en')).toBe('100%');
  expect(speed(4.26, 'en')).toBe('4.3');
  expect(speed(47.3, 'en')).toBe('47');
});

test('times are written in the language in use', () => {
  const at = new Date(2026, 10, 24, 9, 5, 7).toISOString();
  expect(day(at, 'en')).toBe('24 Nov 2026');
  expect(moment(at, 'zh')).toBe('2026年11月24日 09:05');
  expect(logged(at, 'en')).toBe('24/11/2026, 09:05:07');
});

describe('days', () => {
  const now = new Date(2026, 10, 24, 0, 30);
  const at = (day: number, hour: number) => new Date(2026, 10, day, hour).toISOString();
  test.each([
    [at(24, 0), 'today'],
    [at(23, 23), 'yesterday'],
    [at(17, 12), 'week'],
    [at(16, 12), 'older'],
    ['nonsense', 'older'],
  ])('%s is %s', (when, group) => expect(dayGroup(when, now)).toBe(group));
  test('groups are in order and newest first', () => {
    const items = [
      { id: 1, updated_at: at(20, 1) },
      { id: 2, updated_at: at(23, 9) },
      { id: 3, updated_at: at(23, 21) },
    ];
    expect(byDay(items, now).map((g) => [g.day, g.items.map((i) => i.id)])).toEqual([
      ['yesterday', [3, 2]],
      ['week', [1]],
    ]);
    expect(newest(items)?.id).toBe(3);
  });
});
