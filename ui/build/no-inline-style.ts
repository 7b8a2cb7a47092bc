// Takes the inline style from the rows of bits-ui's command list: the window's policy forbids it, and each row would put a
// warning on the console. The wrapper of a row may be a block as well.
import type { Plugin } from 'vite';

export const noInlineStyle = (): Plugin => ({
  name: 'no-inline-style',
  enforce: 'pre',
  transform(code, id) {
    if (!id.endsWith('/command-item.svelte')) return undefined;
    const kept = code.replace('<div style="display: contents;"', '<div');
    if (kept === code) this.error('bits-ui wraps the rows of its command list in another way now');
    return { code: kept, map: null };
  },
});
