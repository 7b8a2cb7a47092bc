// Turns assets/messages/errors.toml into a module at build time, so that the window and the command line say the same
// words for the same error code. Knows nothing of which codes exist: the tests compare them with the contract.
import { readFileSync } from 'node:fs';
import { parse } from 'smol-toml';
import type { Plugin } from 'vite';

const PUBLIC_ID = 'virtual:error-words';
const RESOLVED_ID = '\0' + PUBLIC_ID;

export function errorWords(file: string): Plugin {
  return {
    name: 'whaledeck-error-words',
    resolveId: (id) => (id === PUBLIC_ID ? RESOLVED_ID : undefined),
    load(id) {
      if (id !== RESOLVED_ID) return undefined;
      this.addWatchFile(file);
      return `export default ${JSON.stringify(parse(readFileSync(file, 'utf8')))};`;
    },
  };
}
