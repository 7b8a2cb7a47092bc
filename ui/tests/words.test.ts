import { expect, test } from 'vitest';
import { catalogue } from '$lib/errors';
import { fill, words } from '$lib/errors/words';
import { resolveLanguage } from '$lib/i18n/language';
import type { ErrorCode } from '$lib/ipc/bindings';

// That every code has words is tested beside the codes: crates/messages.
test('every error has words in both languages, and none shows where a value is missing', () => {
  const codes = Object.keys(catalogue) as ErrorCode[];
  expect(codes.length).toBeGreaterThan(30);
  for (const code of codes) {
    for (const lang of ['en', 'zh'] as const) {
      const said = words({ code, message: '', detail: {} }, catalogue, lang);
      expect(said?.title, `${code} ${lang}`).toBeTruthy();
      expect(said?.next, `${code} ${lang}`).toBeTruthy();
      expect(Object.values(said ?? {}).join(), `${code} ${lang}`).not.toMatch(/[{}]/);
    }
  }
});

test('values are put in, bytes in human units, and a missing one goes with its brackets', () => {
  expect(fill('Needs {needed}, {free} free.', { needed: '19900000000', free: '1000' }, 'en')).toBe(
    'Needs 19.9 GB, 1 kB free.',
  );
  expect(fill('({tokens} of {context} tokens)', { tokens: '54007', context: '2048' }, 'en')).toBe(
    '(54,007 of 2,048 tokens)',
  );
  expect(fill('It ends early ({path}).', {}, 'en')).toBe('It ends early.');
  expect(fill('文件不完整（{path}）。', {}, 'zh')).toBe('文件不完整。');
  expect(fill('It ends early ({path}).', { path: 'a.safetensors' }, 'en')).toBe(
    'It ends early (a.safetensors).',
  );
});

test('an unknown system language is English', () => {
  expect(resolveLanguage('system', 'C')).toBe('en');
  expect(resolveLanguage('system', undefined)).toBe('en');
  expect(resolveLanguage('system', 'zh-Hans-CN')).toBe('zh');
  expect(resolveLanguage('zh', 'C')).toBe('zh');
});
