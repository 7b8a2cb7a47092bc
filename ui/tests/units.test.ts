// Amounts read the same here and in the programs without a window: crates/messages/tests/amounts.rs reads the same table.
import { expect, test } from 'vitest';
import table from '../../tests/fixtures/units.json';
import { bytes, number, pages } from '$lib/format';
import { en, zh } from '$lib/i18n/catalogue';

test.each(table.bytes)('%d bytes read as %s', (value, text) =>
  expect(bytes(value as number, 'en')).toBe(text),
);

test.each(table.pages)('%d tokens read as %s', (tokens, english, chinese) => {
  expect(pages(tokens as number, en, 'en')).toBe(english);
  expect(pages(tokens as number, zh, 'zh')).toBe(chinese);
});

test.each(table.grouped)('%d reads as %s', (count, text) => expect(number(count as number, 'en')).toBe(text));
