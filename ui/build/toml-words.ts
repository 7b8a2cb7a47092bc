// Turns a catalogue of words under assets/messages into a module at build time, so that the window and the command line
// say the same words for the same code. Knows nothing of which codes exist: the tests compare them with the contract.
import { readFileSync } from 'node:fs';
import { parse } from 'smol-toml';
import type { Plugin } from 'vite';

/** `id` is the name to import, such as `virtual:error-words`. */
export function tomlWords(id: string, file: string): Plugin {
  const resolved = '\0' + id;
  return {
    name: `whaledeck-${id}`,
    resolveId: (asked) => (asked === id ? resolved : undefined),
    load(asked) {
      if (asked !== resolved) return undefined;
      this.addWatchFile(file);
      return `export default ${JSON.stringify(parse(readFileSync(file, 'utf8')))};`;
    },
  };
}
