// One open chat: its messages, the answer that is streaming, and the settings of the chat. Kept when the person looks
// elsewhere, so that coming back shows the answer where it is. Refreshed by get(), by the answer's own events, and by
// `chats_changed` while an answer streams that this page did not ask for.
import { host } from '$host';
import { asError } from '$lib/errors';
import type {
  AnswerEvent,
  ChatView,
  ErrorView,
  MessageView,
  SamplingView,
  SendRequest,
  ToolCallView,
  WhenBusy,
} from '$lib/ipc/bindings';
import { Load } from './load.svelte';
import { Attached, nothing, type Attachments } from './pictures.svelte';
import { settings } from './settings.svelte';
import { tools } from './tools.svelte';
import { traces } from './trace.svelte';

/** A message while its text grows; plain text fields so that a delta touches nothing else. */
export class Growing {
  text = $state('');
  reasoning = $state('');
  /** How long it thought, once it writes; the app's own figure replaces it at the end. */
  thinkingSeconds = $state<number | null>(null);
  /** Which picture is being looked at, from 1, and how far, in percent. */
  looking = $state.raw<{ picture: number; pictures: number; percent: number } | undefined>(undefined);
  /** How much of a long prompt is computed, in tokens, and how many seconds are left of it. */
  reading = $state.raw<{ processed: number; total: number; secondsLeft: number } | undefined>(undefined);
  /** Another model is answering, and this answer waits for its end. */
  waiting = $state(false);
  /** Tokens of the prompt and of the answer so far, where the model counts them. */
  counted = $state.raw<number | undefined>(undefined);
  /** It says the same again and again, and the person has not said to go on. */
  repeating = $state(false);
  calls = $state.raw<ToolCallView[]>([]);
  readonly base: MessageView;
  #thinkingSince: number | undefined;

  constructor(base: MessageView) {
    this.base = base;
    this.text = base.text;
    this.reasoning = base.reasoning;
    this.calls = base.calls;
    this.thinkingSeconds = base.thinking_seconds;
  }

  add(text: string, reasoning: string): void {
    this.waiting = false;
    this.reading = undefined;
    if (reasoning !== '') this.#thinkingSince ??= performance.now();
    if (text !== '') this.#thought();
    this.text += text;
    this.reasoning += reasoning;
  }

  /** A new call, or a new state of one that is known. */
  called(call: ToolCallView): void {
    this.waiting = false;
    this.reading = undefined;
    this.#thought();
    const known = this.calls.some((one) => one.id === call.id);
    this.calls = known ? this.calls.map((one) => (one.id === call.id ? call : one)) : [...this.calls, call];
  }

  #thought(): void {
    if (this.#thinkingSince === undefined) return;
    this.thinkingSeconds = (this.thinkingSeconds ?? 0) + (performance.now() - this.#thinkingSince) / 1000;
    this.#thinkingSince = undefined;
  }
}

/** A message that is not sent yet. */
export type Unsent = Attachments & { text: string };

export class Session {
  readonly chat = new Load<ChatView>();
  readonly id: string;
  growing = $state.raw<Growing | undefined>(undefined);
  /** True from Send until a terminal event. */
  answering = $state(false);
  stopping = $state(false);
  error = $state.raw<ErrorView | undefined>(undefined);
  settingsError = $state.raw<ErrorView | undefined>(undefined);
  draft = $state('');
  /** What was sent and is not yet in the history: shown at once. */
  pending = $state.raw<Unsent | undefined>(undefined);
  /** Messages that are sent one after another, each when the answer before it is complete. */
  queue = $state.raw<Unsent[]>([]);
  /** What was not sent because another model is answering; `error` says which. */
  blocked = $state.raw<Partial<SendRequest> | undefined>(undefined);
  /** Pictures and documents of the message that is being written. */
  attached = $state.raw(new Attached());
  /** The person wants answers of a model that does not see the pictures of this chat. */
  leaveOut = $state(false);
  #saving: ReturnType<typeof setTimeout> | undefined;
  /** The answer was asked for with a trace. */
  #tracing = false;
  /** The text of `blocked`, where the composer had another one by then. */
  #held: Unsent | undefined;

  constructor(id: string) {
    this.id = id;
  }

  load = async () => {
    const chat = await this.chat.run(() => host.chatGet(this.id));
    // An answer that a page before this one asked for.
    if (chat?.messages.at(-1)?.state === 'streaming' && !this.answering) await this.#follow();
  };

  readonly messages = $derived.by<MessageView[]>(() => this.chat.value?.messages ?? []);
  readonly last = $derived(this.messages.at(-1));

  /** The call of the answer being written that waits for the user. */
  readonly asking = $derived(this.growing?.calls.find((call) => call.state === 'asking'));

  readonly pictured = $derived(this.messages.some((m) => m.pictures.length > 0));

  send(
    text: string,
    attachments: Attachments = nothing,
    parentId: string | null = this.last?.id ?? null,
    leaveOutOlder = false,
  ): Promise<void> {
    this.#cutAfter(parentId);
    this.pending = { text, ...attachments };
    return this.#answer({
      parent_id: parentId,
      text,
      pictures: attachments.pictures.map((one) => one.id),
      documents: attachments.documents.map((one) => one.id),
      leave_out_older: leaveOutOlder,
    });
  }

  /** Sends what was held back for another model's answer: after its end, or at once. */
  sendBlocked(when: WhenBusy): Promise<void> {
    const what = this.blocked;
    if (!what) return Promise.resolve();
    if (what.text !== undefined) {
      const held = this.#held;
      this.#held = undefined;
      this.pending = held ?? { text: what.text, ...this.attached.take() };
      if (!held && this.draft === what.text) this.draft = '';
      this.#cutAfter(what.parent_id ?? null);
    } else this.#cutAfter(what.retry_of ?? what.continue_of ?? null);
    return this.#answer({ ...what, when_busy: when });
  }

  /** Nothing is sent; the text is in the composer, or first in the queue. */
  dismiss(): void {
    this.error = undefined;
    this.blocked = undefined;
    if (this.#held) this.queue = [this.#held, ...this.queue];
    this.#held = undefined;
  }

  enqueue(text: string, attachments: Attachments): void {
    this.queue = [...this.queue, { text, ...attachments }];
  }

  unqueue(message: Unsent): void {
    this.queue = this.queue.filter((one) => one !== message);
  }

  /** Takes a message out of the queue to change it; nothing while the composer has another one. */
  editQueued(message: Unsent): void {
    if (this.draft !== '' || !this.attached.empty) return;
    this.unqueue(message);
    this.draft = message.text;
    this.attached.restore(message);
  }

  async sendNext(): Promise<void> {
    const [next, ...rest] = this.queue;
    if (!next || this.answering) return;
    this.queue = rest;
    await this.send(next.text, next);
  }

  /** From which message on the model reads this chat; from the first one with null. True when the app took it. */
  async readFrom(messageId: string | null): Promise<boolean> {
    try {
      this.chat.set(await host.chatContextStart(this.id, messageId));
      this.error = undefined;
      return true;
    } catch (thrown) {
      this.error = asError(thrown);
      return false;
    }
  }

  retry(userMessageId: string): Promise<void> {
    this.#cutAfter(userMessageId);
    return this.#answer({ retry_of: userMessageId });
  }

  /** Goes on with an answer where it was cut off or stopped. */
  continue(messageId: string): Promise<void> {
    this.#cutAfter(messageId);
    return this.#answer({ continue_of: messageId });
  }

  /** Deletes a message with everything after it. */
  async remove(messageId: string): Promise<void> {
    this.error = undefined;
    try {
      this.chat.set(await host.messageDelete(this.id, messageId));
    } catch (thrown) {
      this.error = asError(thrown);
    }
  }

  async stop(): Promise<void> {
    if (!this.answering || this.stopping) return;
    this.stopping = true;
    await host.answerStop(this.id).catch((thrown: unknown) => (this.error = asError(thrown)));
  }

  async choose(messageId: string): Promise<void> {
    await this.chat.run(() => host.chatSelectLeaf(this.id, messageId));
  }

  /** Shows the change at once and keeps it a moment later, so that a moving slider writes once. */
  update(
    change: Partial<Pick<ChatView, 'model_id' | 'preset_id' | 'system_prompt'>> & { sampling?: SamplingView },
  ): void {
    const now = this.chat.value;
    if (!now) return;
    // What was agreed to for one model is not agreed to for the next.
    if (change.model_id !== undefined && change.model_id !== now.model_id) this.leaveOut = false;
    this.chat.set({ ...now, ...change });
    clearTimeout(this.#saving);
    this.#saving = setTimeout(() => void this.flush(), 300);
  }

  async flush(): Promise<void> {
    const now = this.chat.value;
    if (!now || this.#saving === undefined) return;
    clearTimeout(this.#saving);
    this.#saving = undefined;
    try {
      await host.chatUpdate(this.id, now.model_id, now.preset_id, now.sampling, now.system_prompt);
      if (!now.temporary) settings.remember(now);
      this.settingsError = undefined;
    } catch (thrown) {
      this.settingsError = asError(thrown);
    }
  }

  async #follow(): Promise<void> {
    const followed = await host.answerFollow(this.id, (event) => this.#take(event)).catch(() => false);
    // It may have ended between the two questions.
    if (!followed) await this.chat.run(() => host.chatGet(this.id));
  }

  async #answer(what: Partial<SendRequest>): Promise<void> {
    const request: SendRequest = {
      chat_id: this.id,
      parent_id: null,
      text: '',
      pictures: [],
      documents: [],
      leave_out_pictures: this.leaveOut,
      retry_of: null,
      continue_of: null,
      when_busy: 'ask',
      leave_out_older: false,
      trace: traces.watched,
      tools: tools.on,
      ...what,
    };
    this.#tracing = request.trace;
    this.error = undefined;
    this.blocked = undefined;
    this.answering = true;
    this.stopping = false;
    try {
      await this.flush();
      await host.answerStart(request, (event) => this.#take(event));
    } catch (thrown) {
      this.error = asError(thrown);
      if (this.error.code === 'model_busy') this.blocked = what;
      if (this.pending) this.#giveBack(this.pending);
      this.#end();
      await this.load();
    }
  }

  /** What was not sent is in the composer again; where that has another text by now, it waits beside it. */
  #giveBack(message: Unsent): void {
    if (this.draft === '' && this.attached.empty) {
      this.draft = message.text;
      this.attached.restore(message);
    } else if (this.blocked) this.#held = message;
    else this.queue = [message, ...this.queue];
  }

  #take(event: AnswerEvent): void {
    switch (event.kind) {
      case 'started':
        this.pending = undefined;
        if (event.user) this.#append(event.user);
        this.growing = new Growing(event.assistant);
        traces.begin(this.id, event.assistant, this.#tracing);
        this.answering = true;
        break;
      case 'looking': {
        if (this.growing?.base.id !== event.message_id) return;
        const { picture, pictures, percent } = event;
        this.growing.waiting = false;
        this.growing.looking =
          picture === pictures && percent >= 100 ? undefined : { picture, pictures, percent };
        break;
      }
      case 'reading': {
        if (this.growing?.base.id !== event.message_id) return;
        const { processed, total, seconds_left: secondsLeft } = event;
        this.growing.waiting = false;
        this.growing.reading = secondsLeft === null ? undefined : { processed, total, secondsLeft };
        break;
      }
      case 'waiting':
        if (this.growing?.base.id === event.message_id) this.growing.waiting = true;
        break;
      case 'counted':
        if (this.growing?.base.id === event.message_id)
          this.growing.counted = event.prompt_tokens + event.completion_tokens;
        break;
      case 'repeating':
        if (this.growing?.base.id === event.message_id) this.growing.repeating = true;
        break;
      case 'traced':
        traces.take(this.id, event);
        break;
      case 'called':
        if (this.growing?.base.id === event.message_id) this.growing.called(event.call);
        break;
      case 'delta':
        if (this.growing?.base.id !== event.message_id) return;
        this.growing.add(event.text, event.reasoning);
        break;
      case 'finished':
      case 'failed':
        this.#append(event.kind === 'failed' ? { ...event.message, error: event.error } : event.message);
        traces.end(event.message);
        this.#end();
        // After a stop or an error the user decides what becomes of the queue.
        if (event.kind === 'finished' && event.message.state === 'done') void this.sendNext();
        break;
    }
  }

  #end(): void {
    this.growing = undefined;
    this.pending = undefined;
    this.answering = false;
    this.stopping = false;
  }

  #append(message: MessageView): void {
    const chat = this.chat.value;
    if (!chat) return;
    const others = chat.messages.filter((m) => m.id !== message.id);
    this.chat.set({ ...chat, messages: [...others, message] });
  }

  /** Hides what follows `id` on this path: a new branch begins there. */
  #cutAfter(id: string | null): void {
    const chat = this.chat.value;
    if (!chat) return;
    const at = id === null ? -1 : chat.messages.findIndex((m) => m.id === id);
    this.chat.set({ ...chat, messages: chat.messages.slice(0, at + 1) });
  }
}

const open = new Map<string, Session>();

export function session(id: string): Session {
  let found = open.get(id);
  if (!found) {
    found = new Session(id);
    open.set(id, found);
    // Later, because a page may ask for its session while it is being computed, where nothing may change.
    queueMicrotask(() => void found?.load());
  }
  return found;
}

export function adopt(chat: ChatView): Session {
  const made = new Session(chat.id);
  made.chat.set(chat);
  open.set(chat.id, made);
  return made;
}

/** Chats that were moved to a folder, or out of any. */
export function moved(ids: readonly string[], folderId: string | null): void {
  for (const id of ids) {
    const chat = open.get(id)?.chat;
    if (chat?.value) chat.set({ ...chat.value, folder_id: folderId });
  }
}

export function forget(id: string): void {
  open.delete(id);
  traces.forget(id);
}

/** After a reload of the page, an answer may stream that no channel of ours carries. */
export function refreshForeignAnswers(): void {
  for (const one of open.values()) {
    if (!one.answering && one.last?.state === 'streaming') void one.load();
  }
}
