// Formulas in Markdown: $x$, $$x$$, \(x\) and \[x\] become elements that carry their TeX. They are drawn later (draw.ts),
// so that this file needs no typesetter and a text without formulas loads none. While the text grows, a formula that is
// not closed yet stays plain source, because its underscores and asterisks are no emphasis.
import type { Markdown } from './render';

const PAIRS: [open: string, close: string, display: boolean][] = [
  ['$$', '$$', true],
  ['\\[', '\\]', true],
  ['\\(', '\\)', false],
  ['$', '$', false],
];
const BLOCK = PAIRS.filter(([, , display]) => display);

/**
 * Where the formula that opens at `start` ends, or -1. A dollar sign is also money ("$5 and $10", "US$5") and a shell
 * variable ("$HOME:$PATH"): TeX allows no dollar sign inside `$…$`, so the next one closes the formula or there is none.
 */
export function formulaEnd(text: string, start: number, open: string, close: string): number {
  const from = start + open.length;
  if (open === '$' && !opensFormula(text, start)) return -1;
  for (let at = text.indexOf(close, from); at !== -1; at = text.indexOf(close, at + 1)) {
    if (open === '$' && text[at - 1] === '\\') continue;
    const content = text.slice(from, at);
    if (content.trim() === '') return -1;
    if (open === '$' && (/\s$/.test(content) || /[\w$]/.test(text[at + 1] ?? '') || isMoney(content)))
      return -1;
    return at;
  }
  return -1;
}

/** Whether the single dollar sign at `at` can open a formula: no letter before it, no space or dollar sign after it. */
const opensFormula = (text: string, at: number): boolean =>
  !/\w/.test(text[at - 1] ?? '') && !/[\s$]/.test(text[at + 1] ?? ' ');

/** An amount and what follows it up to another amount: "5 to", "20/month", "5–". A formula such as "2\pi r" is none. */
function isMoney(content: string): boolean {
  if (!/^\d/.test(content)) return false;
  const words = content.replace(/\\(text|mathrm|operatorname)\s*\{[^}]*\}|\\[A-Za-z]+/g, ' ');
  return /[A-Za-z]{3,}|(^|\s)[A-Za-z]{2,}(\s|$)|\p{Script=Han}|[-–—~/,;:(（，、至到]\s*$/u.test(words);
}

/** Whether more text may still make a formula of the opening mark at `start`, or unmake the one that ends with the text. */
function isUnfinished(text: string, start: number, open: string, close: string, end: number): boolean {
  if (open !== '$') return end === -1 && text.indexOf(close, start + open.length) === -1;
  if (!opensFormula(text, start) || /\d/.test(text[start + 1] ?? '')) return end === text.length - 1;
  return (
    end === text.length - 1 ||
    (end === -1 &&
      !text
        .slice(start + 1)
        .replaceAll('\\$', '')
        .includes('$'))
  );
}

export function useMath(md: Markdown): void {
  const escape = md.utils.escapeHtml;
  const element = (tex: string, display: boolean) => {
    const tag = display ? 'div' : 'span';
    return `<${tag} class="math" data-tex="${escape(tex)}"${display ? ' data-display=""' : ''}>${escape(tex)}</${tag}>`;
  };

  md.inline.ruler.before('escape', 'math', (state, silent) => {
    for (const [open, close, display] of PAIRS) {
      if (!state.src.startsWith(open, state.pos)) continue;
      const end = formulaEnd(state.src, state.pos, open, close);
      const grows = state.env.growing !== undefined && state.env.growing === state.tokens;
      if (grows && isUnfinished(state.src, state.pos, open, close, end)) {
        if (!silent) state.push('text', '', 0).content = state.src.slice(state.pos, state.posMax);
        state.pos = state.posMax;
        return true;
      }
      if (end === -1 || end >= state.posMax) return false;
      if (!silent) {
        const token = state.push('math', '', 0);
        token.content = state.src.slice(state.pos + open.length, end).trim();
        token.meta = { display };
      }
      state.pos = end + close.length;
      return true;
    }
    return false;
  });

  // A formula on lines of its own. It ends at its closing mark and never goes over an empty line; one that still grows
  // at the end of the text is kept whole, since its lines may look like lists.
  md.block.ruler.before(
    'fence',
    'math_block',
    (state, first, last, silent) => {
      const line = (n: number) =>
        state.src.slice((state.bMarks[n] ?? 0) + (state.tShift[n] ?? 0), state.eMarks[n]);
      const pair = BLOCK.find(([open]) => line(first).startsWith(open));
      if (!pair || (state.sCount[first] ?? 0) - state.blkIndent >= 4) return false;
      const [open, close] = pair;
      const lines: string[] = [];
      let at = first;
      let closed = false;
      for (; at < last && !state.isEmpty(at); at += 1) {
        const text = at === first ? line(at).slice(open.length) : line(at);
        const end = text.indexOf(close);
        if (end !== -1 && text.slice(end + close.length).trim() !== '') return false;
        lines.push(end === -1 ? text : text.slice(0, end));
        if (end !== -1) {
          closed = true;
          break;
        }
      }
      if (!closed && at < state.lineMax) return false;
      if (silent) return true;
      const token = state.push(closed ? 'math' : 'math_growing', '', 0);
      token.block = true;
      token.content = lines.join('\n').trim();
      token.meta = { display: true };
      token.map = [first, at + (closed ? 1 : 0)];
      state.line = at + (closed ? 1 : 0);
      return true;
    },
    { alt: ['paragraph', 'blockquote', 'list'] },
  );

  md.renderer.rules['math'] = (tokens, at) => {
    const token = tokens[at];
    return element(token?.content ?? '', token?.meta?.display === true);
  };
  md.renderer.rules['math_growing'] = (tokens, at) => `<p>${escape(tokens[at]?.content ?? '')}</p>\n`;
}
