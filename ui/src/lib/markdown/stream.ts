// Markdown that grows: only the last block is parsed again, since no later text can change a block that another one
// follows. Keeps a long answer cheap to stream and its finished blocks still on the page.
import type { Markdown } from './render';

type Token = ReturnType<Markdown['parse']>[number];

/** What the parser is given beside the text: link references, and the inline tokens of the block that still grows. */
interface Env {
  [name: string | symbol]: unknown;
  grows?: boolean;
  growing?: Token[];
}

export class MarkdownStream {
  #md: Markdown;
  #source = '';
  #stable: string[] = [];
  #stableEnd = 0;
  #env: Env = {};

  constructor(md: Markdown) {
    this.#md = md;
    md.core.ruler.before('inline', 'growing', (state) => {
      const env = state.env as Env;
      const last = state.tokens.findLast((token) => token.nesting !== -1);
      env.growing = env.grows && last?.type === 'inline' ? (last.children ?? undefined) : undefined;
    });
  }

  /**
   * HTML of each block of `text`; the array is new, its finished strings are the same as before. `growing` says that
   * more text will come, so that a formula at the end may be unfinished.
   */
  update(text: string, growing = false): string[] {
    if (!text.startsWith(this.#source)) this.#reset();
    this.#source = text;
    this.#env.grows = growing;
    const tail = text.slice(this.#stableEnd);
    const tokens = this.#md.parse(tail, this.#env);
    const starts: number[] = [];
    tokens.forEach((token, at) => {
      if (token.level === 0 && token.nesting !== -1) starts.push(at);
    });
    const html = starts.map((start, n) =>
      this.#md.renderer.render(tokens.slice(start, starts[n + 1]), this.#md.options, this.#env),
    );
    const lastLine = tokens[starts.at(-1) ?? 0]?.map?.[0] ?? 0;
    const blocks = [...this.#stable, ...html];
    if (html.length > 1 && lastLine > 0) {
      this.#stable.push(...html.slice(0, -1));
      this.#stableEnd += offsetOfLine(tail, lastLine);
    }
    return blocks;
  }

  #reset(): void {
    this.#stable = [];
    this.#stableEnd = 0;
    this.#env = {};
  }
}

function offsetOfLine(text: string, line: number): number {
  let at = 0;
  for (let n = 0; n < line; n += 1) {
    const next = text.indexOf('\n', at);
    if (next === -1) return text.length;
    at = next + 1;
  }
  return at;
}
