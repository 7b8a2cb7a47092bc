// Markdown of answers into HTML strings. Models write what they like: raw HTML is shown as text, pictures become
// links, and the result is cleaned once more before it reaches the page (clean.ts).
import MarkdownIt from 'markdown-it';
import cjkFriendly from 'markdown-it-cjk-friendly';
import { useCitations } from './citations';
import { useMath } from './math';

export type Markdown = InstanceType<typeof MarkdownIt>;

export function makeMarkdown(copyLabel: () => string): Markdown {
  const md = new MarkdownIt({ html: false, linkify: true, breaks: false });
  md.disable('image');
  // CommonMark leaves `**注意：**这里` as it is, because its rules for emphasis expect a space beside punctuation.
  md.use(cjkFriendly);
  keepProducts(md);
  const escape = md.utils.escapeHtml;
  const code = (text: string, info: string) => {
    const language = info.trim().split(/\s+/)[0] ?? '';
    return (
      `<div class="code"><div class="code-head"><span>${escape(language)}</span>` +
      `<button type="button" data-copy="">${escape(copyLabel())}</button></div>` +
      `<pre tabindex="0"><code${language ? ` data-language="${escape(language.toLowerCase())}"` : ''}>${escape(text)}</code></pre></div>\n`
    );
  };
  md.renderer.rules.fence = (tokens, at) => code(tokens[at]?.content ?? '', tokens[at]?.info ?? '');
  md.renderer.rules.code_block = (tokens, at) => code(tokens[at]?.content ?? '', '');
  md.renderer.rules.table_open = () => '<div class="table" tabindex="0"><table>\n';
  md.renderer.rules.table_close = () => '</table></div>\n';
  useMath(md);
  useCitations(md);
  return md;
}

/** In "2*3*4" an asterisk between digits is a multiplication sign, not emphasis. */
function keepProducts(md: Markdown): void {
  md.inline.ruler.before('emphasis', 'product', (state, silent) => {
    const [before, at, after] = [state.src[state.pos - 1], state.src[state.pos], state.src[state.pos + 1]];
    if (at !== '*' || !/\d/.test(before ?? '') || !/\d/.test(after ?? '')) return false;
    if (!silent) state.pending += at;
    state.pos += 1;
    return true;
  });
}
