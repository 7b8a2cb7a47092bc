// A page that is printed in place of the window: laid out beside it, hidden on the screen, and taken away when it was
// printed. It has the styles that it came with and none of the window's; app.css hides the rest from the printer. The
// window itself shows only the part of a chat that is in view.

/** The page waits in the document until the next one, or until the printer had it. */
export async function layOut(html: string): Promise<void> {
  remove();
  // Not as an element: the policy of the window may refuse styles that come with a page. Words of a chat are escaped, so
  // the first one is that of the page.
  const [, before = '', style = '', after = ''] = /^([^]*?)<style>([^]*?)<\/style>([^]*)$/.exec(html) ?? [];
  const page = new DOMParser().parseFromString(before + after, 'text/html');
  const place = document.createElement('div');
  place.dataset['print'] = '';
  const root = place.attachShadow({ mode: 'open' });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(style);
  root.adoptedStyleSheets = [sheet];
  root.append(...[...page.querySelectorAll('main')].map((part) => document.adoptNode(part)));
  document.body.append(place);
  window.addEventListener('afterprint', remove, { once: true });
  // A picture that is not decoded yet would be a hole.
  await Promise.allSettled([...root.querySelectorAll('img')].map((image) => image.decode()));
}

function remove(): void {
  document.querySelector('body > [data-print]')?.remove();
}
