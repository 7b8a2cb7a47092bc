// What a drawn block gets on top of its HTML: colours in code and typeset formulas. Both libraries arrive with the first
// block that needs them; until then, and when they cannot read something, the plain text stays.
import type { HLJSApi } from 'highlight.js';
import type katexModule from 'katex';

type Katex = typeof katexModule;
let colours: HLJSApi | undefined;
let typesetter: Katex | undefined;
let loadingColours: Promise<void> | undefined;
let loadingTypesetter: Promise<void> | undefined;

/** Formulas already drawn, since a paragraph that grows is drawn again with each of its words. */
const drawn = new Map<string, DocumentFragment>();
const MOST_DRAWN = 400;
/** Longer code gets its colours once it has ended: colouring it with each line would hold up the window. */
const GROWING_CODE = 4000;

export function draw(block: HTMLElement, settled: boolean): void {
  colour(block, settled);
  typeset(block);
}

function colour(block: HTMLElement, settled: boolean): void {
  const code = block.querySelector<HTMLElement>('code[data-language]');
  if (!code) return;
  if (!colours) {
    loadingColours ??= import('./languages').then((module) => void (colours = module.hljs));
    void loadingColours.then(() => code.isConnected && colour(block, settled));
    return;
  }
  const text = code.textContent ?? '';
  const language = code.dataset['language'] ?? '';
  if (!colours.getLanguage(language) || (!settled && text.length > GROWING_CODE)) return;
  code.innerHTML = colours.highlight(text, { language, ignoreIllegals: true }).value;
}

function typeset(block: HTMLElement): void {
  const formulas = block.querySelectorAll<HTMLElement>('[data-tex]');
  if (formulas.length === 0) return;
  if (!typesetter) {
    loadingTypesetter ??= Promise.all([import('katex'), import('katex/dist/katex.min.css')]).then(
      ([module]) => void (typesetter = module.default),
    );
    void loadingTypesetter.then(() => block.isConnected && typeset(block));
    return;
  }
  for (const formula of formulas) {
    const tex = formula.dataset['tex'] ?? '';
    const display = formula.dataset['display'] !== undefined;
    const fragment = fragmentOf(typesetter, tex, display);
    if (fragment) formula.replaceChildren(fragment.cloneNode(true));
    else formula.classList.add('source');
  }
}

/** Built node by node, because the window allows no style written into HTML. */
function fragmentOf(katex: Katex, tex: string, display: boolean): DocumentFragment | undefined {
  const key = `${display ? 'd' : 'i'}${tex}`;
  const known = drawn.get(key);
  if (known) return known;
  const box = document.createElement('span');
  try {
    katex.render(tex, box, {
      displayMode: display,
      throwOnError: true,
      strict: 'ignore',
      maxSize: 20,
      maxExpand: 500,
    });
  } catch {
    return undefined;
  }
  const fragment = document.createDocumentFragment();
  fragment.append(...box.childNodes);
  if (drawn.size >= MOST_DRAWN) drawn.delete(drawn.keys().next().value ?? '');
  drawn.set(key, fragment);
  return fragment;
}
