// The mock build on a local port, and a headless Chromium to look at it.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** Serves dist-mock, which `npm run build:mock` writes; `stop` ends it. */
export function preview() {
  const server = spawn(
    process.execPath,
    ['node_modules/vite/bin/vite.js', 'preview', '--mode', 'mock', '--outDir', 'dist-mock', '--port', '0'],
    { cwd: root },
  );
  const stop = () => {
    server.removeAllListeners('exit');
    server.kill();
  };
  return new Promise((resolve, reject) => {
    let said = '';
    server.stdout.on('data', (chunk) => {
      said += chunk;
      // eslint-disable-next-line no-control-regex -- Vite colours what it prints.
      const found = /http:\/\/127\.0\.0\.1:\d+/.exec(said.replace(/\x1b\[[0-9;]*m/g, ''));
      if (found) resolve({ address: found[0], stop });
    });
    server.on('exit', (code) => reject(new Error(`vite preview ended with ${code}: ${said}`)));
  });
}

/** The Chromium of WHALEDECK_BROWSER, or the one that is installed. */
export function launch() {
  const executablePath = [
    process.env.WHALEDECK_BROWSER ?? '',
    '/usr/bin/chromium',
    '/usr/bin/chromium-browser',
    '/usr/bin/google-chrome',
  ].find(existsSync);
  if (!executablePath) throw new Error('no Chromium found; install the package chromium');
  return chromium.launch({
    executablePath,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/** The model that a box of models shows, by its id. */
export const modelOf = (box) => box.getAttribute('data-chosen');

export async function chooseModel(box, id) {
  await box.click();
  await box.page().locator(`[role=option][data-value="${id}"]`).click();
}
