// The mock host's count of a conversation: about 0.3 tokens a letter, and what could be left out where that is too much.
import type { ChatView, ContextQuery, ContextUse, Folder, MessageView } from '$lib/ipc/bindings';
import { tokensOf } from './documents';

const tokens = (text: string): number => Math.ceil(text.length * 0.3) + 4;

/** The path as the model reads it. */
export function read(chat: ChatView | undefined, parentId: string | null): MessageView[] {
  const path = chat?.messages.slice(0, chat.messages.findIndex((one) => one.id === parentId) + 1) ?? [];
  const from = path.findIndex((one) => one.id === chat?.context_start);
  return from > 0 ? path.slice(from) : path;
}

export function contextUse(
  query: ContextQuery,
  chat: ChatView | undefined,
  loaded: string | null,
  folder: Pick<Folder, 'instructions' | 'documents'> | undefined,
): ContextUse {
  const cloud = query.model_id.startsWith('cloud:');
  const context = cloud ? query.context : query.model_id.startsWith('deployment:') ? 32768 : 4096;
  const path = read(chat, query.parent_id);
  const fresh = query.text.trim() === '' ? 0 : tokens(query.text);
  const sum = (list: MessageView[]) =>
    list.reduce((all, one) => all + tokens(one.text), fresh) +
    (query.system_prompt === '' ? 0 : tokens(query.system_prompt)) +
    (folder?.instructions ? tokens(folder.instructions) : 0);
  const all = sum(path);
  const found: ContextUse = {
    tokens: all,
    exact: query.model_id === loaded,
    context,
    searched: false,
    trim: null,
    longer: null,
  };
  const attached = tokensOf([
    ...path.flatMap((one) => one.documents.map(({ id }) => id)),
    ...query.documents,
    ...(folder?.documents ?? []).map(({ id }) => id),
  ]);
  if (attached > 0 && context !== null && all + attached > context)
    Object.assign(found, { searched: true, tokens: context - 400 });
  else found.tokens += attached;
  if (!query.refused && (context === null || all < context)) return found;
  const most = context ?? all / 2;
  const cuts = path
    .map((one, at) => ({ one, at }))
    .filter(({ one, at }) => at > 0 && one.role === 'user')
    .map(({ at }) => at);
  if (fresh > 0 && path.length > 0) cuts.push(path.length);
  const at = cuts.find((cut) => sum(path.slice(cut)) <= most * 0.75);
  if (at !== undefined)
    found.trim = { message_id: path[at]?.id ?? null, messages: at, tokens: sum(path.slice(at)) };
  if (query.model_id.includes('distill') && all < 30_000) found.longer = { context: 32768, memory: 1.9e9 };
  return found;
}
