// Turns a catalogue of words under assets/messages into a module at build time, so that the window and the command line
// say the same words for the same code. Knows nothing of which codes exist: the tests compare them with the contract.
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'smol-toml';
import type { Plugin } from 'vite';

/** `id` is the name to import, such as `virtual:error-words`. The files of a folder are read as one. */
export function tomlWords(id: string, path: string): Plugin {
  const resolved = '\0' + id;
  return {
    name: `whaledeck-${id}`,
    resolveId: (asked) => (asked === id ? resolved : undefined),
    load(asked) {
      if (asked !== resolved) return undefined;
      const files = statSync(path).isDirectory()
        ? readdirSync(path)
            .sort()
            .map((name) => join(path, name))
        : [path];
      files.forEach((file) => this.addWatchFile(file));
      const text = files.map((file) => readFileSync(file, 'utf8')).join('\n');
      return `export default ${JSON.stringify(parse(text))};`;
    },
  };
}
