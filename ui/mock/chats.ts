// Chats of the mock host that are long or have branches, and the search over all of them.
import type { ChatSummary, ChatView, MessageView } from '$lib/ipc/bindings';
import { emptyChat, message } from './data';

const role = (n: number) => (n % 2 === 0 ? 'user' : 'assistant');
function path(
  name: string,
  count: number,
  textOf: (n: number) => string,
  siblings = [`${name}0`],
): MessageView[] {
  return Array.from({ length: count }, (_, n) =>
    message(
      `${name}${n}`,
      n === 0 ? null : `${name}${n - 1}`,
      role(n),
      textOf(n),
      n === 0 ? { siblings } : {},
    ),
  );
}

/** A conversation of 2,000 messages, each with its number in words to look for. */
function longChat(): ChatView {
  const messages = path('l', 2000, (n) =>
    n === 0
      ? 'Question 0, about a walrus'
      : n % 2 === 0
        ? `Question ${n}`
        : `Answer **${n}**.\n\n${'One more sentence of it. '.repeat(1 + ((n * 7) % 23))}${n % 500 === 1 ? 'A rare narwhal.' : ''}`,
  );
  return { ...emptyChat('long'), title: 'A very long one', messages };
}

const branch = (name: string, count: number, found: string) =>
  path(
    name,
    count,
    (n) => `${n % 2 === 0 ? 'Step' : 'Reply'} ${n} of branch ${name}. ${n === 301 ? found : ''}`,
    ['x0', 'y0'],
  );
/** The paths of a chat that are not shown, by its id. */
const aside = new Map<string, MessageView[]>([['branched', branch('x', 600, 'An ocelot.')]]);
export const longChats = (): ChatView[] => [
  longChat(),
  { ...emptyChat('branched'), title: 'Two branches', messages: branch('y', 400, 'A lynx.') },
];

/** Shows the branch that holds a message. */
export function choose(view: ChatView, messageId: string): ChatView {
  const other = aside.get(view.id);
  if (other?.some((m) => m.id === messageId)) {
    aside.set(view.id, view.messages);
    view.messages = other;
  }
  return view;
}

/** As the app: every word of the query, in any order, in the shown branch and in the others. */
export function searched(
  query: string,
  chats: readonly { summary: ChatSummary; view: ChatView }[],
): ChatSummary[] {
  const words = query
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  const holds = (text: string) => words.every((word) => text.toLowerCase().includes(word));
  return chats.flatMap(({ summary, view }) => {
    const found = [...(aside.get(view.id) ?? []), ...view.messages].findLast((m) => holds(m.text));
    if (!found && !holds(view.title)) return [];
    const first = words[0] ?? '';
    const at = found?.text.toLowerCase().indexOf(first) ?? -1;
    const snippet = found
      ? [
          { text: found.text.slice(Math.max(0, at - 20), at), hit: false },
          { text: found.text.slice(at, at + first.length), hit: true },
          { text: found.text.slice(at + first.length, at + 90), hit: false },
        ]
      : [];
    return [{ ...summary, hit: found ? { message_id: found.id, snippet } : null }];
  });
}
