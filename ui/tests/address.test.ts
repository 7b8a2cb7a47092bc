import { expect, test } from 'vitest';

import { isLoopback } from '../src/lib/address';

test('addresses of this computer are known by every spelling, and no others', () => {
  for (const here of [
    'http://127.0.0.1:8000/v1',
    'http://127.9.9.9',
    'http://localhost:11434',
    'http://[::1]:8080/v1',
    'http://LOCALHOST',
  ])
    expect(isLoopback(here), here).toBe(true);
  for (const away of [
    'https://api.deepseek.com',
    'http://127.0.0.1.example.com',
    'http://192.168.1.2',
    'localhost',
    '',
    'http://127.0.0.1@example.com',
  ])
    expect(isLoopback(away), away).toBe(false);
});
