// Two builds of one page: the real one talks to the desktop process, mode `mock` talks to a host kept in memory.
// The choice is an alias, and the mock lies outside src, which nothing in src may import from (eslint.config.js).
import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';
import { noInlineStyle } from './build/no-inline-style.ts';
import { oneFontFormat } from './build/one-font-format.ts';
import { tomlWords } from './build/toml-words.ts';

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

const CSP =
  "default-src 'self'; img-src 'self' data: blob:; font-src 'self' data:; object-src 'none'; frame-ancestors 'none'";

export default defineConfig(({ mode }) => ({
  plugins: [
    noInlineStyle(),
    svelte(),
    oneFontFormat(),
    tomlWords('virtual:error-words', at('../assets/messages/errors.toml')),
    tomlWords('virtual:plan-words', at('../assets/messages/plans.toml')),
    tomlWords('virtual:page-words', at('../assets/messages/page')),
  ],
  resolve: {
    alias: {
      $host: at(mode === 'mock' || mode === 'test' ? './mock/host.ts' : './src/lib/ipc/tauri.ts'),
      $lib: at('./src/lib'),
    },
  },
  // The webview of Ubuntu 24.04 and Debian 12 is at least this new.
  build: { target: ['safari17', 'chrome120'], emptyOutDir: true },
  server: { host: '127.0.0.1', port: 5173, strictPort: true, fs: { allow: ['..'] } },
  // Stricter than the window's own policy: no inline style either, since Tauri's nonces switch 'unsafe-inline' off.
  preview: { host: '127.0.0.1', headers: { 'Content-Security-Policy': CSP } },
  clearScreen: false,
  test: { include: ['tests/**/*.test.ts'], environment: 'node' },
}));
