// Marks found words on the page without touching it: the ranges are painted by the browser's highlight registry. A
// webview that has none shows only the outline of the message, which Message.svelte draws.

import { places } from './search';

export function ranges(root: Element, needles: readonly string[]): Range[] {
  const found: Range[] = [];
  if (needles.length === 0) return found;
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    for (const { at, length } of places(node.nodeValue ?? '', needles)) {
      const range = document.createRange();
      range.setStart(node, at);
      range.setEnd(node, at + length);
      found.push(range);
    }
  }
  return found;
}

export function paint(all: Range[], now: Range | undefined): void {
  if (!('highlights' in CSS)) return;
  CSS.highlights.set('found', new Highlight(...all));
  CSS.highlights.set('found-now', new Highlight(...(now ? [now] : [])));
}

export function erase(): void {
  if (!('highlights' in CSS)) return;
  CSS.highlights.delete('found');
  CSS.highlights.delete('found-now');
}
