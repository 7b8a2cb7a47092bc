// The pure parts of connecting programs: what is copied for a step, which steps show the key, whether an address is the
// one that is served, and origins as they are typed.
import { expect, test } from 'vitest';
import { countOf, isServed, showsKey, valueOf } from '$lib/components/connect/parts';
import { areOrigins, originsOf } from '$lib/components/settings/origins';
import { en, zh } from '$lib/i18n/catalogue';
import type { ConnectStep } from '$lib/ipc/bindings';

const steps: [ConnectStep, value: string | undefined, key: boolean][] = [
  [{ kind: 'install', name: 'Copilot' }, undefined, false],
  [{ kind: 'run_docker', command: 'docker run -e K=wd-1' }, 'docker run -e K=wd-1', true],
  [{ kind: 'run_pip', command: 'K=wd-1 serve' }, 'K=wd-1 serve', true],
  [{ kind: 'variable', name: 'K', value: 'wd-1' }, 'K=wd-1', true],
  [{ kind: 'open', labels: ['Settings', 'Copilot'] }, undefined, false],
  [{ kind: 'enter_address', value: 'http://127.0.0.1:8137/v1' }, 'http://127.0.0.1:8137/v1', false],
  [{ kind: 'enter_key', value: 'wd-1' }, 'wd-1', true],
  [{ kind: 'enter_name', value: 'Whaledeck' }, 'Whaledeck', false],
  [{ kind: 'enter_model', value: 'guide' }, 'guide', false],
  [{ kind: 'choose_model', model: 'guide' }, 'guide', false],
  [{ kind: 'restart' }, undefined, false],
];

test.each(steps)('the step %o has what it needs', (step, value, key) => {
  expect(valueOf(step)).toBe(value);
  expect(showsKey([step])).toBe(key);
  for (const { connect } of [en, zh]) expect(connect.step[step.kind]).toBeTruthy();
});

test('every kind of step has a sentence, and no sentence is left over', () => {
  expect(Object.keys(en.connect.step).sort()).toEqual(steps.map(([step]) => step.kind).sort());
});

test('the lines of a kind are counted', () => {
  const lines = (['same', 'added', 'gap', 'added'] as const).map((kind) => ({ kind, text: '' }));
  expect([countOf(lines, 'added'), countOf(lines, 'removed')]).toEqual([2, 0]);
});

test('an address is the one that is served, with the path of the protocol or without', () => {
  const served = ['http://127.0.0.1:8137/v1', 'http://192.168.1.7:8137/v1'];
  expect(isServed('http://127.0.0.1:8137', served)).toBe(true);
  expect(isServed('http://192.168.1.7:8137/v1/', served)).toBe(true);
  expect(isServed('http://127.0.0.1:9000', served)).toBe(false);
  expect(isServed('http://127.0.0.1:9000', [])).toBe(true);
});

test('origins are typed one a line', () => {
  expect(originsOf('app://obsidian.md\n\n https://a.b/ \nhttps://a.b')).toEqual([
    'app://obsidian.md',
    'https://a.b',
  ]);
  expect(originsOf('  ')).toEqual([]);
});

test('an origin has a scheme and no path', () => {
  expect(areOrigins(['app://obsidian.md', 'http://localhost:3000', 'https://[::1]:1'])).toBe(true);
  for (const odd of ['*', 'null', 'https://*', 'https://a.b/c', 'obsidian.md', 'https:// a'])
    expect(areOrigins([odd]), odd).toBe(false);
});
