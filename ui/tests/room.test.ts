import { expect, test } from 'vitest';
import type { DownloadView } from '$lib/ipc/bindings';
import { missing, rest } from '$lib/stores/room';

const data: DownloadView = {
  id: 'm/v',
  model_id: 'm',
  variant_id: 'v',
  source: 'hugging_face',
  state: 'paused',
  total: 0,
  done: 0,
  verified: 0,
  hashed: 0,
  speed: 0,
  seconds_left: null,
  waiting_seconds: null,
  files: [],
  error: null,
  alternative: null,
};

const disk = { models_dir: '/models', total: 1e12, free: 10e9 };

test('a download is offered as long as it fits', () => {
  expect(missing(10e9, disk, [])).toBeUndefined();
  expect(missing(10e9 + 1, disk, [])).toEqual({ needed: 10e9 + 1, free: 10e9 });
  expect(missing(1e15, undefined, [])).toBeUndefined();
});

test('downloads on their way take their part of the disk first', () => {
  const moving = { ...data, state: 'transferring' as const, total: 8e9, done: 2e9 };
  expect(rest(moving)).toBe(6e9);
  expect(missing(4e9, disk, [moving])).toBeUndefined();
  expect(missing(5e9, disk, [moving])).toEqual({ needed: 5e9, free: 4e9 });
  expect(missing(5e9, disk, [{ ...moving, state: 'paused' as const }])).toBeUndefined();
  expect(missing(1, disk, [{ ...moving, total: 20e9 }])).toEqual({ needed: 1, free: 0 });
});
