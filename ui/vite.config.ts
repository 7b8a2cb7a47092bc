// Two builds of one page: the real one talks to the desktop process, mode `mock` talks to a host kept in memory.
// The choice is an alias, so the mock can never end up in a production bundle.
import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';
import { errorWords } from './build/error-words.ts';

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig(({ mode }) => ({
  plugins: [svelte(), errorWords(at('../assets/messages/errors.toml'))],
  resolve: {
    alias: {
      $host: at(mode === 'mock' || mode === 'test' ? './src/lib/ipc/mock.ts' : './src/lib/ipc/tauri.ts'),
      $lib: at('./src/lib'),
    },
  },
  // The webview of Ubuntu 24.04 and Debian 12 is at least this new.
  build: { target: ['safari17', 'chrome120'], emptyOutDir: true },
  server: { host: '127.0.0.1', port: 5173, strictPort: true, fs: { allow: ['..'] } },
  preview: { host: '127.0.0.1' },
  clearScreen: false,
  test: { include: ['tests/**/*.test.ts'], environment: 'node' },
}));
