// `[citation:3]`, as the models were trained to cite what they searched, becomes a button with the number.
import type { Markdown } from './render';

const CITATION = /^\[citation:(\d{1,3})\]/;

export function useCitations(md: Markdown): void {
  md.inline.ruler.before('link', 'citation', (state, silent) => {
    const found = CITATION.exec(state.src.slice(state.pos, state.pos + 16));
    const number = found?.[1];
    if (found === null || number === undefined) return false;
    if (!silent) state.push('citation', 'button', 0).content = number;
    state.pos += found[0].length;
    return true;
  });
  md.renderer.rules['citation'] = (tokens, at) => {
    const number = tokens[at]?.content ?? '';
    return `<button type="button" class="citation" data-cite="${number}">${number}</button>`;
  };
}
