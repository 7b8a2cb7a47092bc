// Documents of the mock host: a text file is one page, a name with "book" is too long for the context, one with "scan" has
// no text, and one with "broken" cannot be read.
import type { ChatView, DocumentPageView, DocumentView, ErrorView, PassageView } from '$lib/ipc/bindings';
import { emptyChat, message, stats } from './data';

const harbour = (number: number) =>
  `Chapter ${Math.ceil(number / 20)}\n\nThe harbour of Skell-${number} has ${number * 3} berths and ${(number % 7) + 2} cranes. Ships of the red line call on every Monday.\n\nFees are paid at the office, which is open in the morning.${number === 237 ? '\n\nThe lighthouse keeper of this harbour was called Ottoline Brask. She kept the light for forty years.' : ''}`;

export const book: DocumentView = {
  id: 'd-book',
  name: 'harbours of the northern coast.pdf',
  kind: 'pdf',
  size: 1.2e6,
  pages: 400,
  tokens: 212_000,
  scanned: [],
};
const sheet: DocumentView = {
  ...book,
  id: 'd-sheet',
  name: 'fees.xlsx',
  kind: 'sheet',
  pages: 2,
  tokens: 640,
};

const documents = new Map<string, DocumentView>([book, sheet].map((one) => [one.id, one]));
const passage = (page: number, text: string): PassageView => ({
  document_id: book.id,
  name: book.name,
  page,
  label: null,
  text,
});
const keeper =
  'The lighthouse keeper of this harbour was called Ottoline Brask. She kept the light for forty years.';

/** A chat about a book that does not fit. */
export function chat(): ChatView {
  return {
    ...emptyChat('d1'),
    title: 'Who kept the lighthouse?',
    messages: [
      message('d-m1', null, 'user', 'Who kept the lighthouse, and for how long?', {
        documents: [book, sheet],
      }),
      message(
        'd-m2',
        'd-m1',
        'assistant',
        'It was **Ottoline Brask** [citation:2], for forty years [citation:2]. The harbour had 711 berths [citation:1].',
        {
          stats: { ...stats, prompt_tokens: 1620 },
          passages: [
            passage(
              237,
              'The harbour of Skell-237 has 711 berths and 8 cranes. Ships of the red line call on every Monday.',
            ),
            passage(237, keeper),
            passage(12, 'Fees are paid at the office, which is open in the morning.'),
            { ...passage(1, 'Berth\t12.50'), document_id: sheet.id, name: sheet.name, label: 'Fees' },
          ],
        },
      ),
    ],
  };
}

export function add(name: string, base64: string): DocumentView {
  const failure = (code: ErrorView['code'], detail = {}): ErrorView => ({
    code,
    message: 'read the document',
    detail,
  });
  if (name.includes('broken')) throw failure('document_invalid');
  const letters = Math.floor((base64.length / 4) * 3);
  const long = name.includes('book');
  const scanned = name.includes('scan');
  const added: DocumentView = {
    id: `d-${name}-${letters}`,
    name,
    kind: /\.pdf$/.test(name) ? 'pdf' : /\.xlsx$/.test(name) ? 'sheet' : 'text',
    size: letters,
    pages: long ? 400 : scanned ? 3 : 1,
    tokens: long ? 212_000 : scanned ? 0 : Math.ceil(letters * 0.3),
    scanned: scanned ? [1, 2, 3] : [],
  };
  documents.set(added.id, added);
  return added;
}

export const get = (id: string): DocumentView[] => {
  const found = documents.get(id);
  return found ? [found] : [];
};

export function page(id: string, number: number): DocumentPageView {
  const label = id === sheet.id ? (number === 1 ? 'Fees' : 'Ships') : null;
  return { page: number, label, text: id === sheet.id ? 'Berth\t12.50\nPilot\t80.00' : harbour(number) };
}

export const tokensOf = (ids: string[]): number => ids.flatMap(get).reduce((sum, one) => sum + one.tokens, 0);
