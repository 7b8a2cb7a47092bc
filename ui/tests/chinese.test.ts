// Chinese text is in assets/messages, where its English is. tests/it/style.rs says the same of Rust.
import { expect, test } from 'vitest';
import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Where Chinese letters are outside of it, and why. */
const EXCEPTIONS: Record<string, string> = {
  'lib/format/template.ts': 'it looks for the brackets of a sentence',
  'lib/markdown/math.ts': 'it tells a price from a formula by the words beside it',
};

const CHINESE = /\p{Script=Han}|[\u3000-\u303f\uff00-\uffef]/u;
const SOURCES = fileURLToPath(new URL('../src/', import.meta.url));

/** The lines that are no comment. */
const program = (text: string): string[] =>
  text
    .replace(/<!--[^]*?-->/g, '')
    .split('\n')
    .filter((line) => !/^\s*(\/\/|\/?\*)/.test(line));

test('Chinese text is in assets/messages only', () => {
  const files = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' }).filter((file) =>
    /\.(ts|svelte|css)$/.test(file),
  );
  expect(files.length).toBeGreaterThan(100);
  const found = files.filter((file) =>
    program(readFileSync(SOURCES + file, 'utf8')).some((line) => CHINESE.test(line)),
  );
  expect(found.sort()).toEqual(Object.keys(EXCEPTIONS).sort());
});
