// A host kept in memory, for tests of the page and for looking at it without the app. states.ts lists what it can show;
// the build of mode `mock` is the only one that holds it (vite.config.ts).
import type { Host } from '$lib/ipc/host';
import { contextUse } from './context';
import { choose, longChats, searched } from './chats';
import * as connect from './connect';
import * as data from './data';
import * as deployed from './deployments';
import * as documents from './documents';
import * as evaluation from './evaluation';
import * as explain from './explain';
import * as folders from './folders';
import * as modelSettings from './model-settings';
import { linkedDownload, linkedModels } from './links';
import { modelsFound } from './other-programs';
import { draftsOf, tracedOf } from './traces';
import * as prompts from './prompts';
import { chatPage, savedPath } from './saved-chats';
import { planOf, sizingOf } from './sizing';
import { stateOf } from './states';
import * as tools from './tools';
import type {
  DesktopView,
  LinkView,
  AnswerEvent,
  AppEvent,
  ChatView,
  CompareEvent,
  CompareRequest,
  CompareResult,
  DownloadView,
  EndpointView,
  ErrorView,
  MessageView,
  ModelView,
  NewSharingKey,
  PictureView,
  SendRequest,
  SettingsView,
  SharingView,
  Side,
  StartView,
  WhenBusy,
  WorkerView,
} from '$lib/ipc/bindings';

const query = new URLSearchParams(location.search);
const state = stateOf(query);
const listeners: ((event: AppEvent) => void)[] = [];
const emit = (event: AppEvent) => listeners.forEach((listener) => listener(structuredClone(event)));

const failure = (code: ErrorView['code'], message: string, detail = {}): ErrorView => ({
  code,
  message,
  detail,
});

if (state === 'tools') prompts.fill();

let settings: SettingsView = {
  ...data.settings,
  welcomed: state !== 'first',
  language: query.get('lang') === 'zh' ? 'zh' : query.get('lang') === 'en' ? 'en' : 'system',
  theme: query.get('theme') === 'dark' ? 'dark' : query.get('theme') === 'light' ? 'light' : 'system',
};
let worker: WorkerView =
  state === 'interrupted'
    ? { ...data.worker, state: 'failed', error: data.died }
    : state === 'card'
      ? { ...data.worker, state: 'failed', place: null, card_memory: null, error: data.cardLost }
      : { ...data.worker };
/** A measured memory speed is kept, as by the app. */
let hardware = state === 'old-card' ? data.oldCard : data.hardware;
let models = state === 'linked' ? linkedModels() : structuredClone(data.models);
const modelOf = (id: string): ModelView => {
  const model = models.find((one) => one.id === id);
  if (!model) throw failure('model_not_found', 'find the model', { model_id: id });
  return model;
};
/** Of repositories outside the catalogue. */
let repositoryDownloads: DownloadView[] = state === 'linked' ? [linkedDownload()] : [];
if (state === 'old-card')
  for (const one of models.filter((known) => known.fit.card !== null)) {
    const reason = {
      en: `${one.name} needs part of the 45 GB of main memory that can be used.`,
      zh: `${one.name} 只需要 45 GB 可用内存的一部分。`,
    };
    one.fit = { ...one.fit, place: 'cpu', card: null, available: 45e9, speed_estimate: 7.2, reason };
  }
if (state === 'pictures')
  for (const one of models.filter((known) => known.takes_images)) {
    const variant = one.variants[0];
    if (one.family !== 'guide' && variant)
      one.precisions = [
        {
          variant_id: variant.id,
          precision: variant.precision,
          state: 'ready',
          disk_used: 6.7e9,
          linked: [],
          problem: null,
          in_use: true,
          download: null,
        },
      ];
    Object.assign(one, { state: 'ready', disk_used: 6.7e9 });
  }
/** Data URLs of pictures by their id. */
const pictures = new Map<string, string>(Object.entries(data.drawn));
const kept = new Map<string, PictureView>(data.pictures.map((one) => [one.id, one]));
let endpoints: EndpointView[] = state === 'clouds' ? structuredClone(data.endpoints) : [];
function chatsOf(): ChatView[] {
  if (state === 'long') return longChats();
  if (state === 'documents') return [documents.chat()];
  if (state === 'folders') return folders.chats();
  return state === 'tools' ? [tools.chat()] : data.chats(state);
}
const chats = new Map<string, ChatView>(
  [
    'full',
    'interrupted',
    'card',
    'long',
    'clouds',
    'deployed',
    'shared',
    'pictures',
    'documents',
    'folders',
    'tools',
    'readonly',
  ].includes(state)
    ? chatsOf().map((chat) => [chat.id, chat])
    : [],
);
let sharing: SharingView = state === 'shared' ? structuredClone(data.shared) : data.unshared;
let opening: StartView =
  state === 'unopened'
    ? structuredClone(data.unopened)
    : state === 'readonly'
      ? { ...data.opened, read_only: data.fullDisk }
      : data.opened;
let backups = ['full', 'unopened', 'readonly'].includes(state) ? structuredClone(data.backups) : [];
let deployments = state === 'deployed' ? deployed.some() : [];
const stops = new Set<string>();
/** Chats that are being answered, by the model that does it. */
const answering = new Map<string, string>();
/** Tokens of the answers that are being written, by chat. */
const written = new Map<string, number>();
const here = (model: string) => !model.startsWith('cloud:') && !model.startsWith('deployment:');
const others = (view: ChatView) =>
  [...answering].filter(
    ([id, model]) => id !== view.id && here(model) && here(view.model_id) && model !== view.model_id,
  );
let link: LinkView | null =
  state === 'link'
    ? { kind: 'new_chat', model_id: 'guide', text: 'What is a whale?', temporary: true }
    : null;
let desktop: DesktopView = { tray: state !== 'old-card', autostart: false };
const pause = (time: number) => new Promise((resolve) => setTimeout(resolve, time));
/** Services whose key is wrong. */
const refusing = new Set<string>();
let next = 1;
folders.begin(state === 'folders');
tools.begin(state === 'tools', () => emit({ kind: 'tools_changed' }));
connect.begin(state === 'shared', {
  view: () => sharing,
  addKey: (name) => addKey(name, null).secret,
  removeKeys: (name) => (sharing = { ...sharing, keys: sharing.keys.filter((key) => key.name !== name) }),
});

function addKey(name: string, days: number | null): NewSharingKey {
  const key = {
    id: `k-new-${next++}`,
    name,
    created_at: data.NOW,
    expires_at: days === null ? null : new Date(Date.now() + days * 86_400_000).toISOString(),
    expired: false,
  };
  sharing = { ...sharing, keys: [...sharing.keys, key] };
  return { secret: 'wd-Zm9yIHRoZSBtb2NrIG9ubHksIGl0IG9wZW5zIG5vdGhpbmc', key };
}

/** A desktop with two windows on it, as a data URL. */
function drawnScreen(): string {
  const canvas = Object.assign(document.createElement('canvas'), { width: 1600, height: 900 });
  const pen = canvas.getContext('2d');
  for (const [colour, left, top, width, height] of [
    ['#2b4a6f', 0, 0, 1600, 900],
    ['#f4f4f0', 180, 120, 760, 560],
    ['#2f5fe0', 180, 120, 760, 48],
    ['#20252c', 860, 330, 620, 460],
  ] as const) {
    if (!pen) continue;
    pen.fillStyle = colour;
    pen.fillRect(left, top, width, height);
  }
  return canvas.toDataURL('image/png');
}

/** Every answer is a copy after a turn of the loop, as over a real channel. */
function reply<T>(make: () => T): Promise<T> {
  return new Promise((resolve, reject) =>
    setTimeout(() => {
      try {
        resolve(structuredClone(make()));
      } catch (thrown) {
        reject(thrown);
      }
    }, 1),
  );
}
const done = (act: () => unknown): Promise<null> =>
  reply(() => {
    act();
    return null;
  });
function read<T>(make: () => T): Promise<T> {
  if (state === 'slow') return new Promise(() => undefined);
  return reply(() => {
    if (state === 'broken')
      throw failure('history_unreadable', 'read the database', { path: '/data/history.db' });
    return make();
  });
}

function chat(id: string): ChatView {
  const found = chats.get(id);
  if (!found) throw failure('chat_not_found', 'find the chat', { id });
  return found;
}
const summaries = () =>
  [...chats.values()].map(({ id, title, model_id, folder_id, temporary }) => ({
    id,
    title,
    model_id,
    folder_id,
    temporary,
    updated_at: data.updatedAt(id),
    answering: answering.has(id),
    hit: null,
  }));

const folderOf = (id: string) =>
  folders.all([...chats.values()]).find((one) => one.id === id) ?? { ...folders.find(id), chats: 0 };
/** A change of folders, which every list shows. */
function changeFolder<T>(change: () => T): Promise<T> {
  return reply(() => {
    const changed = change();
    emit({ kind: 'chats_changed' });
    return changed;
  });
}
/** Of several chats: an error names the one that is not there. */
function everyChat(ids: readonly string[]): ChatView[] {
  const missing = ids.find((id) => !chats.has(id));
  if (missing !== undefined)
    throw failure('chat_not_found', 'find the chat', { title: missing, done: '0', count: `${ids.length}` });
  return ids.map(chat);
}

function message(
  parent: string | null,
  role: MessageView['role'],
  text: string,
  shown: string[] = [],
  attached: string[] = [],
): MessageView {
  const id = `m-new-${next++}`;
  return {
    id,
    parent_id: parent,
    role,
    text,
    pictures: shown.flatMap((one) => kept.get(one) ?? []),
    documents: attached.flatMap(documents.get),
    passages: [],
    calls: [],
    boxes: [],
    reasoning: '',
    thinking_seconds: null,
    state: role === 'user' ? 'done' : 'streaming',
    error: null,
    stats: null,
    siblings: [id],
    created_at: data.NOW,
  };
}

async function answer(
  view: ChatView,
  user: MessageView | null,
  assistant: MessageView,
  onEvent: (e: AnswerEvent) => void,
  whenBusy: WhenBusy,
  { trace, tools: offered }: Pick<SendRequest, 'trace' | 'tools'>,
) {
  Object.assign(assistant, { state: 'streaming', error: null });
  onEvent({ kind: 'started', user, assistant: structuredClone(assistant) });
  emit({ kind: 'chats_changed' });
  if (whenBusy === 'stop') others(view).forEach(([id]) => stops.add(id));
  while (others(view).length > 0) {
    onEvent({ kind: 'waiting', message_id: assistant.id });
    await pause(50);
  }
  answering.set(view.id, view.model_id);
  if (here(view.model_id) && worker.model_id !== view.model_id) {
    worker = { ...worker, model_id: view.model_id };
    emit({ kind: 'worker_changed', worker });
  }
  emit({ kind: 'chats_changed' });
  const seen = models.find((one) => one.id === view.model_id)?.takes_images ? (user?.pictures ?? []) : [];
  for (const [at] of seen.entries()) {
    for (const percent of [0, 40, 80]) {
      onEvent({ kind: 'looking', message_id: assistant.id, picture: at + 1, pictures: seen.length, percent });
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
  }
  if (seen.length > 0)
    onEvent({
      kind: 'looking',
      message_id: assistant.id,
      picture: seen.length,
      pictures: seen.length,
      percent: 100,
    });
  if (user?.text === 'Long')
    for (const processed of [0, 256, 512, 768]) {
      const seconds_left = processed === 0 ? null : ((1024 - processed) / 256) * 20;
      onEvent({ kind: 'reading', message_id: assistant.id, processed, total: 1024, seconds_left });
      await pause(600);
    }
  const flood = user?.text === 'Flood';
  const question = view.messages.find((one) => one.id === assistant.parent_id)?.text ?? '';
  const left = data.ANSWER.slice(assistant.text.length);
  const calls = offered && assistant.calls.length === 0 && question.includes('tool');
  const goesOn = !calls || (await tools.callTools(assistant, question, onEvent, () => stops.has(view.id)));
  if (!goesOn) stops.delete(view.id);
  const said = !goesOn
    ? ''
    : ({ Flood: data.FLOOD, Empty: '', Repeat: 'The whale is large. '.repeat(120) }[user?.text ?? ''] ??
      left);
  const pieces = said.match(flood ? /[\s\S]{1,60}/g : /[\s\S]{1,6}/g);
  const prompt = Math.ceil((user?.text.length ?? 0) * 0.3) + 20;
  let tokens = 0;
  for (const piece of pieces ?? []) {
    await new Promise((resolve) => setTimeout(resolve, 12));
    if (stops.delete(view.id)) {
      assistant.state = 'stopped';
      break;
    }
    assistant.text += piece;
    onEvent({ kind: 'delta', message_id: assistant.id, text: piece, reasoning: '' });
    const told = tracedOf(view.model_id, assistant.id, tokens, piece);
    tokens += told?.tokens.length ?? 0;
    written.set(view.id, prompt + tokens);
    if (trace && told) onEvent({ kind: 'traced', message_id: assistant.id, ...told });
    onEvent({
      kind: 'counted',
      message_id: assistant.id,
      prompt_tokens: prompt,
      completion_tokens: Math.ceil(assistant.text.length * 0.3),
    });
    if (user?.text === 'Repeat' && assistant.text.length > 240 && assistant.text.length < 250)
      onEvent({ kind: 'repeating', message_id: assistant.id });
  }
  const shown = view.messages.flatMap((one) => one.pictures).at(-1);
  if (shown && models.find((one) => one.id === view.model_id)?.takes_images)
    assistant.boxes = data.boxesOn(shown);
  if (assistant.state === 'streaming') assistant.state = goesOn ? 'done' : 'stopped';
  assistant.stats = { ...data.stats, model_id: view.model_id, drafts: draftsOf(view.model_id) };
  view.messages.push(assistant);
  answering.delete(view.id);
  written.delete(view.id);
  onEvent({ kind: 'finished', message: structuredClone(assistant) });
  emit({ kind: 'chats_changed' });
}

let comparing = false;

/** The right side of a cloud named `pro` is cut off, so that both ends are seen; what is asked slowly leaves time to stop. */
async function beside(
  side: Side,
  request: CompareRequest,
  onEvent: (event: CompareEvent) => void,
): Promise<void> {
  const model = request[side];
  const [began, cloud] = [performance.now(), model.startsWith('cloud:')];
  onEvent({ kind: 'asked', side });
  let first: number | null = null;
  let at = 0;
  const result = (state: CompareResult['state']): CompareResult => ({
    state,
    first_token_ms: first,
    total_ms: performance.now() - began,
    prompt_tokens: 212,
    completion_tokens: Math.ceil(at / 4),
    cost: model.endsWith('flash')
      ? {
          amount: 0.000_123,
          currency: 'USD',
          input: 0.28,
          output: 0.42,
          date: '2026-11-20',
          source: 'https://api-docs.deepseek.com/quick_start/pricing',
        }
      : null,
    cost_problem: null,
  });
  if (cloud) onEvent({ kind: 'delta', side, text: '', reasoning: 'The question names a GPU with 24 GB.' });
  for (const piece of data.ANSWER.match(/[\s\S]{1,24}/g) ?? []) {
    await new Promise((resolve) =>
      setTimeout(resolve, request.text.includes('slowly') ? 300 : cloud ? 8 : 12),
    );
    if (!comparing) return onEvent({ kind: 'finished', side, result: result('stopped') });
    if (model.endsWith('pro') && at > 200)
      return onEvent({
        kind: 'failed',
        side,
        result: result('failed'),
        error: failure('endpoint_cut', 'hear the answer to its end', { host: 'api.deepseek.com' }),
      });
    first ??= performance.now() - began;
    at += piece.length;
    onEvent({ kind: 'delta', side, text: piece, reasoning: '' });
  }
  onEvent({ kind: 'finished', side, result: result('done') });
}

function changeDownload(id: string, change: Partial<DownloadView>): void {
  const model = models.find((m) => m.precisions.some((one) => one.download?.id === id));
  const one = model?.precisions.find((known) => known.download?.id === id);
  if (!model || !one?.download) throw failure('invalid_input', 'find the download', { id });
  one.download = { ...one.download, ...change };
  one.state = one.download.state === 'paused' ? 'paused' : 'downloading';
  settled(model);
  emit({ kind: 'download_changed', download: one.download });
}

/** A model whose own fields follow from its precisions. */
function settled(model: ModelView): ModelView {
  const chosen = model.precisions.find((one) => one.state === 'ready') ?? model.precisions[0];
  model.state = chosen?.state ?? 'not_downloaded';
  model.download = model.precisions.find((one) => one.download)?.download ?? null;
  model.disk_used = model.precisions.reduce((sum, one) => sum + one.disk_used, 0);
  const ready = model.precisions.filter((one) => one.state === 'ready');
  if (ready[0] && !ready.some((one) => one.in_use)) ready[0].in_use = true;
  return model;
}

function changeDeployment(id: string, wanted: 'loading' | 'ready' | 'stopped') {
  const one = deployments.find((known) => known.id === id);
  if (!one) throw failure('deployment_not_found', 'find the deployment', { deployment: id });
  const changed = {
    ...one,
    state: wanted,
    error: null,
    points: wanted === 'ready' ? one.points : [],
    address: wanted === 'ready' ? 'http://127.0.0.1:41873' : null,
  };
  deployments = deployments.map((known) => (known.id === id ? changed : known));
  emit({ kind: 'deployment_changed', deployment: changed });
  return changed;
}

export const host: Host = {
  hardware: () => read(() => hardware),
  hardwareMeasure: () =>
    read(() => {
      hardware = { ...hardware, memory_bandwidth: 28.4e9 };
      models = models.map((one) =>
        one.fit.place === 'cpu' ? { ...one, fit: { ...one.fit, speed_estimate: 12.06 } } : one,
      );
      emit({ kind: 'models_changed' });
      return hardware;
    }),
  models: () => read(() => (state === 'empty' ? [] : models)),
  recommendation: () => read(() => (state === 'old-card' ? data.onProcessor : data.recommendation)),
  presets: () => read(() => data.presets),
  modelRemove: (id, variant) =>
    done(() => {
      models = models.filter((m) => m.id !== id || m.family !== 'own_file');
      const model = models.find((m) => m.id === id);
      if (!model) return;
      model.precisions = model.precisions.filter((one) => variant !== null && one.variant_id !== variant);
      settled(model);
    }),
  precisionUse: (id, variant) =>
    done(() => {
      const model = models.find((m) => m.id === id);
      if (!model) throw failure('model_not_found', 'use the precision', { model_id: id });
      model.precisions = model.precisions.map((one) => ({ ...one, in_use: one.variant_id === variant }));
    }),
  modelsFound: () => read(() => (state === 'empty' ? [] : modelsFound(models))),
  modelImport: (path) =>
    reply(() => {
      if (path.endsWith('odd')) throw failure('not_a_model', 'find a model', { path });
      const added = data.ownFile(path);
      models = [...models.filter((m) => m.id !== added.id), added];
      return added;
    }),
  downloads: () =>
    read(() => [
      ...models.flatMap((m) => m.precisions.flatMap((one) => one.download ?? [])),
      ...repositoryDownloads,
    ]),
  repositorySearch: (text, source) =>
    read(() =>
      data.repositoryHits(source).filter((hit) => hit.repo.toLowerCase().includes(text.toLowerCase())),
    ),
  repository: (text, source) =>
    read(() => {
      if (!text.includes('/')) throw failure('repository_unclear', 'find the repository', { text });
      const repo = text.split(':')[0] ?? text;
      return repo.startsWith('bartowski/') ? data.gated(repo, source) : { ...data.repository, repo, source };
    }),
  repositoryCheck: async (_repo, _source, group) => {
    // So long that a person sees that it is checked.
    await new Promise((resolve) => setTimeout(resolve, 2500));
    return read(() => {
      const known = data.repository.groups.find((one) => one.name === group);
      if (!known) throw failure('precision_unknown', 'find the precision', { group });
      return data.checked(known);
    });
  },
  repositoryDownload: (text, source, group) =>
    reply(() => {
      const download: DownloadView = {
        ...data.download(text, group),
        source,
        state: 'listing',
        done: 0,
        files: [],
      };
      repositoryDownloads = [...repositoryDownloads.filter((one) => one.id !== download.id), download];
      emit({ kind: 'download_changed', download });
      return download;
    }),
  downloadStart: (modelId, variantId, source) =>
    reply(() => {
      const model = models.find((m) => m.id === modelId);
      if (!model) throw failure('model_not_found', 'find the model', { id: modelId });
      const download: DownloadView = {
        ...data.download(modelId, variantId),
        source,
        done: 0,
        state: 'listing',
        files: [],
      };
      const precision = model.variants.find((one) => one.id === variantId)?.precision ?? variantId;
      const others = model.precisions.filter((one) => one.variant_id !== variantId);
      model.precisions = [
        ...others,
        {
          variant_id: variantId,
          precision,
          state: 'downloading',
          disk_used: 0,
          linked: [],
          problem: null,
          in_use: false,
          download,
        },
      ];
      settled(model);
      return download;
    }),
  downloadPause: (id) => done(() => changeDownload(id, { state: 'paused', speed: 0, seconds_left: null })),
  downloadResume: (id) => done(() => changeDownload(id, { state: 'transferring', speed: 24e6, error: null })),
  downloadRemove: (id) =>
    done(() => {
      const model = models.find((m) => m.precisions.some((one) => one.download?.id === id));
      if (!model) return;
      model.precisions = model.precisions.filter((one) => one.download?.id !== id);
      settled(model);
    }),
  chats: () => read(summaries),
  chatsSearch: (text) =>
    read(() =>
      searched(
        text,
        summaries().map((summary) => ({ summary, view: chat(summary.id) })),
      ),
    ),
  chatCreate: (modelId, folderId) =>
    reply(() => {
      const { preset_id, sampling, system_prompt } = settings.last_chat;
      const style =
        data.presets.find((one) => one.id === preset_id)?.sampling ?? sampling ?? data.emptyChat('').sampling;
      const made: ChatView = {
        ...data.emptyChat(`c-new-${next++}`),
        model_id: modelId,
        preset_id,
        sampling: style,
        system_prompt,
        folder_id: folderId === null ? null : folders.find(folderId).id,
      };
      chats.set(made.id, made);
      settings = { ...settings, last_chat: { ...settings.last_chat, model_id: modelId } };
      emit({ kind: 'chats_changed' });
      return made;
    }),
  chatCreateTemporary: (modelId) =>
    reply(() => {
      const made: ChatView = {
        ...data.emptyChat(`temporary-${next++}`),
        model_id: modelId,
        temporary: true,
      };
      chats.set(made.id, made);
      emit({ kind: 'chats_changed' });
      return made;
    }),
  chatGet: (id) => read(() => chat(id)),
  chatRename: (id, title) => done(() => (chat(id).title = title)),
  chatDelete: (id) => done(() => chats.delete(id)),
  chatsDelete: (ids) =>
    changeFolder(() => {
      everyChat(ids).forEach((one) => chats.delete(one.id));
      return null;
    }),
  chatsMove: (ids, folderId) =>
    changeFolder(() => {
      if (folderId !== null) folders.find(folderId);
      everyChat(ids).forEach((one) => (one.folder_id = folderId));
      return null;
    }),
  chatsSaveMarkdown: (ids) =>
    reply(() => {
      everyChat(ids);
      return '/home/user/Documents';
    }),
  folders: () => read(() => folders.all([...chats.values()])),
  folderCreate: (name, instructions) => changeFolder(() => folderOf(folders.create(name, instructions))),
  folderChange: (id, name, instructions) =>
    changeFolder(() => folderOf(folders.change(id, name, instructions))),
  folderDelete: (id, withChats) =>
    changeFolder(() => {
      folders.remove(id);
      for (const one of chats.values())
        if (one.folder_id === id) {
          one.folder_id = null;
          if (withChats) chats.delete(one.id);
        }
      return null;
    }),
  folderDocumentAdd: (id, document) => changeFolder(() => folderOf(folders.addDocument(id, document))),
  folderDocumentRemove: (id, document) => changeFolder(() => folderOf(folders.removeDocument(id, document))),
  chatUpdate: (id, model_id, preset_id, sampling, system_prompt) =>
    reply(() => {
      settings = {
        ...settings,
        last_chat: { model_id, preset_id, sampling: preset_id === 'custom' ? sampling : null, system_prompt },
      };
      return Object.assign(chat(id), { model_id, preset_id, sampling, system_prompt });
    }),
  chatContextStart: (id, messageId) => reply(() => Object.assign(chat(id), { context_start: messageId })),
  contextUse: (query) =>
    read(() => {
      const view = query.chat_id === null ? undefined : chats.get(query.chat_id);
      const folder = view ? view.folder_id : query.folder_id;
      return contextUse(query, view, worker.model_id, folder === null ? undefined : folders.find(folder));
    }),
  contextLengthSet: () => done(() => undefined),
  messageDelete: (id, messageId) =>
    reply(() => {
      const view = chat(id);
      view.messages = view.messages.slice(
        0,
        view.messages.findIndex((m) => m.id === messageId),
      );
      return view;
    }),
  chatSelectLeaf: (id, messageId) => reply(() => choose(chat(id), messageId)),
  answerFollow: () => reply(() => false),
  answerStart: (request, onEvent) =>
    done(() => {
      const view = chat(request.chat_id);
      const [busy] = others(view);
      if (busy && request.when_busy === 'ask') {
        throw failure('model_busy', 'load another model', {
          model: models.find((one) => one.id === busy[1])?.name ?? busy[1],
          chats: chat(busy[0]).title,
        });
      }
      if (request.continue_of !== null) {
        const cut = view.messages.findIndex((m) => m.id === request.continue_of);
        const [begun] = view.messages.splice(cut, 1);
        const cutOff = begun ?? message(null, 'assistant', '');
        return void answer(view, null, cutOff, onEvent, request.when_busy, request);
      }
      const parent = request.retry_of ?? request.parent_id;
      const at = view.messages.findIndex((m) => m.id === parent);
      view.messages = view.messages.slice(0, at + 1);
      if (request.retry_of !== null)
        return void answer(
          view,
          null,
          message(request.retry_of, 'assistant', ''),
          onEvent,
          request.when_busy,
          request,
        );
      const blind = models.find((one) => one.id === view.model_id)?.takes_images === false;
      const user = message(parent, 'user', request.text, request.pictures, request.documents);
      if (
        blind &&
        !request.leave_out_pictures &&
        [...view.messages, user].some((one) => one.pictures.length > 0)
      ) {
        throw failure('unsupported_content', 'show the pictures of this chat: its model reads text only', {
          offer: 'DeepSeek-VL2-Tiny',
        });
      }
      if (view.messages.length === 0) view.title = request.text;
      view.messages.push(user);
      if (request.leave_out_older) view.context_start = user.id;
      void answer(
        view,
        structuredClone(user),
        message(user.id, 'assistant', ''),
        onEvent,
        request.when_busy,
        request,
      );
    }),
  documentAdd: (name, encoded) => reply(() => documents.add(name, encoded)),
  documentPage: (id, number) => read(() => documents.page(id, number)),
  documentPictures: () => reply(() => [...kept.values()].slice(0, 1)),
  documentDiscard: () => done(() => undefined),
  pictureAdd: async (encoded) => {
    const text = atob(encoded);
    const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
    const image = await createImageBitmap(new Blob([bytes])).catch(() => undefined);
    if (!image)
      throw failure(
        'picture_kind_unknown',
        'read the image: its format is none of JPEG, PNG, WebP, GIF and BMP',
      );
    const added: PictureView = {
      id: `p-${text.length}-${image.width}`,
      kind: 'image/png',
      width: image.width,
      height: image.height,
      size: text.length,
    };
    pictures.set(added.id, `data:image/png;base64,${encoded}`);
    kept.set(added.id, added);
    return reply(() => added);
  },
  pictureData: (id) =>
    read(() => {
      const found = pictures.get(id);
      if (found === undefined)
        throw failure('picture_missing', 'find the picture', { path: `/data/pictures/${id}.png` });
      return found;
    }),
  // Each way of a desktop in some state: cut here, asked by the desktop, left on the clipboard, or none.
  screenWay: () =>
    reply(() =>
      state === 'broken'
        ? 'nothing'
        : state === 'first'
          ? 'desktop'
          : state === 'clouds'
            ? 'clipboard'
            : 'cut',
    ),
  screenTake: async () => {
    if (state === 'clouds') return { kind: 'clipboard' };
    if (state === 'problems')
      throw failure('screen_refused', 'take a picture of the screen: the portal ended it');
    const [, data = ''] = drawnScreen().split(',');
    return { kind: state === 'first' ? 'part' : 'whole', data, media: 'image/png' };
  },
  pictureDiscard: () => done(() => undefined),
  clipboardFiles: () => reply(() => []),
  clipboardText: () => reply(() => ''),
  picturesPlan: (modelId, parentId, ids) =>
    read(() => {
      const model = models.find((one) => one.id === modelId);
      const path =
        [...chats.values()]
          .map((one) => one.messages)
          .find((all) => all.some((one) => one.id === parentId)) ?? [];
      const before = path.flatMap((one) => one.pictures);
      const all = [...before, ...ids.flatMap((id) => kept.get(id) ?? [])];
      const each = all.map((one) => data.cut(one, all.length));
      const offer =
        models.find((one) => one.takes_images && one.family !== 'guide') ??
        models.find((one) => one.takes_images);
      if (!model)
        return { sight: 'unknown', each: [], pictures: all.length, tokens: 0, context: null, offer: null };
      if (!model.takes_images)
        return {
          sight: 'blind',
          each: [],
          pictures: all.length,
          tokens: 0,
          context: null,
          offer: offer
            ? { model_id: offer.id, name: offer.name, ready: offer.state === 'ready', size: 6.7e9 }
            : null,
        };
      return {
        sight: 'sees',
        each: each.slice(before.length),
        pictures: all.length,
        tokens: each.reduce((sum, one) => sum + one.tokens, 0),
        context: 4096,
        offer: null,
      };
    }),
  chatSave: (_id, { name, format }) => reply(() => savedPath(name, format)),
  chatPage: (id, allBranches, lang) => reply(() => chatPage(chat(id), allBranches, lang)),
  prompts: (lang) => read(() => prompts.library(lang)),
  promptSave: (draft, lang) =>
    reply(() =>
      prompts.save(draft, lang, (name) =>
        failure('prompt_name_taken', 'save the prompt: the name is taken', { name }),
      ),
    ),
  promptRemove: (id) => done(() => prompts.remove(id)),
  promptExamplesShow: () => done(() => prompts.showExamples()),
  promptsExport: (name) => reply(() => `/home/user/${name}`),
  promptsImport: () =>
    reply(() => {
      prompts.add('From a file', 'A prompt of somebody else.');
      return 1;
    }),
  windowPrint: () => done(() => window.print()),
  chatImport: () =>
    reply(() => {
      const made: ChatView = { ...data.emptyChat(`c-new-${next++}`), title: 'From a file' };
      chats.set(made.id, made);
      emit({ kind: 'chats_changed' });
      return made;
    }),
  answerStop: (id) => done(() => stops.add(id)),
  providers: () => read(() => data.providers),
  endpoints: () => read(() => endpoints),
  endpointAdd: (spec) =>
    reply(() => {
      if (spec.key.includes(' '))
        throw failure(
          'invalid_input',
          'add the cloud service: a key has no spaces and no letters beyond English ones',
        );
      const added: EndpointView = { ...data.endpoint(spec.provider_id, spec.name), models: [] };
      endpoints = [...endpoints, added];
      if (spec.key.includes('wrong')) refusing.add(added.id);
      return added;
    }),
  endpointChange: (id, change) =>
    reply(() => {
      const known = endpoints.find((one) => one.id === id);
      if (!known) throw failure('endpoint_not_found', 'find the cloud service', { endpoint: id });
      if (change.address !== null && change.address !== known.address && change.key === null)
        throw failure(
          'invalid_input',
          'change the address: a key goes only where it was meant for, so enter it again',
        );
      const changed = { ...known, name: change.name ?? known.name, address: change.address ?? known.address };
      if (change.key !== null) {
        if (change.key.includes('wrong')) refusing.add(id);
        else refusing.delete(id);
      }
      endpoints = endpoints.map((one) => (one.id === id ? changed : one));
      return changed;
    }),
  endpointTest: (id) =>
    reply(() => {
      const known = endpoints.find((one) => one.id === id);
      if (!known) throw failure('endpoint_not_found', 'find the cloud service', { endpoint: id });
      if (refusing.has(id)) return data.refusedTest(known);
      const tested = { ...known, models: data.endpoint(known.provider_id, '').models };
      endpoints = endpoints.map((one) => (one.id === id ? tested : one));
      return data.passedTest(tested);
    }),
  endpointRemove: (id) =>
    done(() => {
      refusing.delete(id);
      endpoints = endpoints.filter((one) => one.id !== id);
    }),
  tools: () => read(tools.all),
  toolServerAdd: (spec) => reply(() => tools.add(spec)),
  toolServerChange: (id, spec) => reply(() => tools.change(id, spec)),
  toolServerRemove: (id) => done(() => tools.remove(id)),
  toolServerSwitch: (id, on) => reply(() => tools.turn(id, on)),
  toolServerRestart: (id) => reply(() => tools.restart(id)),
  toolServersRead: (text) => reply(() => tools.read(text)),
  toolPermissionSet: (id, name, permission) => done(() => tools.permit(id, name, permission)),
  webSearchSet: (spec) => done(() => tools.setSearch(spec)),
  toolCallDecide: (_chat, id, decision) => done(() => tools.decide(id, decision)),
  toolResultPage: (_message, _call, number) => reply(() => tools.page(number)),
  deployments: () => read(() => deployments),
  deploymentPlan: (spec) => reply(() => deployed.plan(spec)),
  deploymentStart: (spec) =>
    reply(() => {
      if (spec.machines.includes('nobody'))
        throw failure('machine_unreachable', 'reach the machine', {
          machine: 'nobody',
          reason: 'Connection refused',
        });
      const made = deployed.made(spec, `d${next++}`);
      deployments = [...deployments, made];
      emit({ kind: 'deployments_changed' });
      setTimeout(() => changeDeployment(made.id, 'loading'), 40);
      setTimeout(() => changeDeployment(made.id, 'ready'), 200);
      return made;
    }),
  deploymentRestart: (id) => reply(() => changeDeployment(id, 'ready')),
  deploymentStop: (id) => reply(() => changeDeployment(id, 'stopped')),
  deploymentRemove: (id) => done(() => (deployments = deployments.filter((one) => one.id !== id))),
  deploymentLog: () => reply(() => deployed.lines),
  machineLook: (machine) =>
    reply(() => {
      if (machine === 'nobody')
        throw failure('machine_unreachable', 'reach the machine', { machine, reason: 'Connection refused' });
      return deployed.machine(machine);
    }),
  compareStart: (request, onEvent) =>
    done(() => {
      if (request.text.includes('refuse'))
        throw failure('answer_running', 'compare: another one is being written');
      comparing = true;
      void Promise.all([beside('left', request, onEvent), beside('right', request, onEvent)]).then(
        () => (comparing = false),
      );
    }),
  compareStop: () => done(() => (comparing = false)),
  evaluationStart: (request, onEvent) => done(() => evaluation.start(request, onEvent)),
  evaluationStop: () => done(() => evaluation.stop()),
  pricesFile: () => reply(() => '/home/user/.local/share/whaledeck/prices.toml'),
  sizing: (wish) => read(() => sizingOf(wish, models)),
  sizingCsv: (wish) => reply(() => `model,card\n${wish.model},H100-80G\n`),
  sizingPicture: () => reply(() => '<svg xmlns="http://www.w3.org/2000/svg"/>'),
  plan: (wish) => reply(() => planOf(wish)),
  explainSparsity: (id, question) => read(() => explain.sparsity(modelOf(id), question)),
  explainRouting: (id, text) => read(() => explain.routing(modelOf(id), text)),
  explainNextToken: (query) => read(() => explain.nextToken(query)),
  explainDrafts: (_id, question) => read(() => explain.drafts(question)),
  explainFp8: (id) => read(() => explain.fp8(modelOf(id))),
  explainCache: () => read(() => explain.cacheSizes()),
  saveText: (name) => reply(() => (name.endsWith('.csv') ? null : `/home/user/${name}`)),
  pickCertificates: () => reply(() => '/etc/ssl/company.pem'),
  worker: () => read(() => worker),
  workerStart: (modelId) =>
    reply(() => {
      worker = { ...data.worker, model_id: modelId };
      emit({ kind: 'worker_changed', worker });
      return worker;
    }),
  workerStop: () => done(() => (worker = { ...worker, state: 'stopped' })),
  useProcessor: () => done(() => undefined),
  workerMemory: () =>
    read(() => (worker.state === 'ready' ? modelSettings.memoryNow([...written.values()]) : null)),
  modelSettings: (id) => read(() => modelSettings.settingsOf(modelOf(id))),
  modelMemory: (id, wanted) => read(() => modelSettings.memoryOf(modelOf(id), wanted)),
  modelSettingsSave: (id, wanted) =>
    reply(() => {
      modelSettings.keep(modelOf(id), wanted);
      return modelSettings.settingsOf(modelOf(id));
    }),
  connectPrograms: (vault) => read(() => connect.programs(vault)),
  connectPlan: (request) => reply(() => connect.plan(request)),
  connectApply: (request, digest) => reply(() => connect.apply(request, digest)),
  connectUndo: (id) => reply(() => connect.undo(id)),
  sharing: () => read(() => sharing),
  sharingSave: (spec) =>
    reply(() => {
      if (spec.port === 80) throw failure('port_in_use', 'listen', { port: '80' });
      const beyond = spec.on && spec.host !== '127.0.0.1';
      const addresses = spec.on
        ? [`http://127.0.0.1:${spec.port}/v1`, ...(beyond ? [`http://192.168.1.7:${spec.port}/v1`] : [])]
        : [];
      return (sharing = { ...sharing, spec, beyond, addresses, model_id: spec.on ? worker.model_id : null });
    }),
  sharingKeyAdd: (name, days) => reply(() => addKey(name, days)),
  sharingKeyRemove: (id) =>
    done(() => (sharing = { ...sharing, keys: sharing.keys.filter((key) => key.id !== id) })),
  sharingRequests: () => reply(() => data.requests),
  settings: () => reply(() => settings),
  settingsSave: (wanted) => reply(() => (settings = wanted)),
  proxyLogin: (user, password) =>
    reply(
      () => (settings = { ...settings, proxy_user: user, proxy_password: password ? 'file' : 'nowhere' }),
    ),
  pickFolder: () => reply(() => '/home/user/models/odd'),
  pickModelFile: () => reply(() => '/home/user/models/deepseek-r1-distill-qwen-7b-q4_k_m.gguf'),
  startState: () => reply(() => opening),
  startAgain: (way) =>
    reply(() => {
      // What stands in the way here stays: only another way helps.
      if (way === 'empty') chats.clear();
      if (way !== 'retry')
        opening = { ...data.opened, read_only: way === 'read_only' ? opening.failure : null };
      return opening;
    }),
  showPlace: () => done(() => undefined),
  backups: () =>
    reply(() => ({ folder: '/home/user/.local/share/whaledeck/backups', backups, problem: null })),
  backupCreate: () =>
    reply(() => {
      const made = {
        id: `b-${next++}`,
        kind: 'asked' as const,
        created_at: data.NOW,
        bytes: 1.4e6,
        pictures: 0,
      };
      backups = [made, ...backups];
      emit({ kind: 'backups_changed' });
      return made;
    }),
  backupRestore: (id) =>
    reply(() => {
      if (!backups.some((one) => one.id === id))
        throw failure('backup_damaged', 'use the backup', { path: `/data/backups/${id}/history.db` });
      if (opening.failure) opening = data.opened;
      else
        backups = [{ ...backups[0]!, id: `b-${next++}`, kind: 'replaced', created_at: data.NOW }, ...backups];
      return { folder: '/data/backups', backups, problem: null };
    }),
  startProblems: () => reply(() => (state === 'problems' ? [data.movedAside] : [])),
  openUrl: () => done(() => undefined),
  linkTake: () =>
    reply(() => {
      const taken = link;
      link = null;
      return taken;
    }),
  desktop: () => reply(() => desktop),
  trayApply: () => done(() => undefined),
  autostartSet: (on) => reply(() => (desktop = { ...desktop, autostart: on })),
  onEvent: (callback) => reply(() => void listeners.push(callback)),
};
