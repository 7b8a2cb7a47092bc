// The states of the mock host, chosen by the address: ?state=first.
const STATES = {
  full: 'chats and models in each state',
  first: 'Welcome was not left yet',
  empty: 'no model and no chat',
  slow: 'all but the settings never arrives',
  broken: 'every read fails',
  interrupted: 'the worker died',
  card: 'the graphics card computes, and was lost in the middle of an answer',
  'old-card': 'the graphics card is too old for the engine',
  long: '2,000 messages, and a chat of two branches',
  problems: 'a list was moved aside',
  unopened: 'the file of the chats is damaged',
  readonly: 'the file of the chats is open for reading only',
  clouds: 'two cloud services were added',
  deployed: 'two deployments',
  shared: 'the model is open to the network',
  linked: 'models with files of other programs, some of them gone',
  pictures: 'a chat with pictures, on a model that sees',
  folders: 'a folder with two chats, an empty one, and chats without a folder',
  documents: 'a chat about a book that does not fit',
  tools: 'tool servers in each state, and a chat with calls',
  link: 'a link to a new chat was opened',
} as const;

export type State = keyof typeof STATES;

/** The state that the address asks for. An unknown one is an error, since a test of it would look at another. */
export function stateOf(query: URLSearchParams): State {
  const wanted = query.get('state') ?? 'full';
  if (!(wanted in STATES))
    throw new Error(`no state of the mock host is named ${wanted}: ${JSON.stringify(STATES, null, 2)}`);
  return wanted as State;
}
