// A home of its own for the app under test, so that nothing of the developer's is read or written, and the names of what a person
// clicks on every page.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const FOLDERS = { XDG_DATA_HOME: 'data', XDG_CONFIG_HOME: 'config', XDG_CACHE_HOME: 'cache', XDG_STATE_HOME: 'state', XDG_RUNTIME_DIR: 'run' };

export const COMPOSER = '//textarea[@aria-label="Your message"]';
export const button = (name) => `//button[normalize-space(.)="${name}" or @aria-label="${name}"]`;

/** Folders, the environment that names them, and where pictures go. */
export function freshHome(pictures) {
  const home = mkdtempSync(join(tmpdir(), 'whaledeck-window-'));
  const environment = { ...process.env, WHALEDECK_DATA: join(home, 'whaledeck') };
  for (const [name, folder] of Object.entries(FOLDERS)) {
    environment[name] = join(home, folder);
    mkdirSync(environment[name], { recursive: true, mode: 0o700 });
  }
  const artefacts = resolve('artefacts', pictures);
  mkdirSync(artefacts, { recursive: true });
  return {
    home,
    environment,
    artefacts,
    picture: async (window, name) => writeFileSync(join(artefacts, `${name}.png`), await window.screenshot()),
    remove: () => remove(home),
  };
}

/** A web process that is ending may still write into its cache, for longer on a busy computer. What is left is no failure of the test. */
function remove(folder) {
  for (let attempt = 0; attempt < 20; attempt += 1) {
    try {
      return rmSync(folder, { recursive: true, force: true });
    } catch {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
    }
  }
  console.log(`left behind: ${folder}`);
}
