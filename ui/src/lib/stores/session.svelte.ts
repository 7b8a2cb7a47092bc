// One open chat: its messages, the answer that is streaming, and the settings of the chat. Kept when the person looks
// elsewhere, so that coming back shows the answer where it is. Refreshed by get(), by the answer's own events, and by
// `chats_changed` while an answer streams that this page did not ask for.
import { host } from '$host';
import { asError } from '$lib/errors';
import type { AnswerEvent, ChatView, ErrorView, MessageView, PictureView, SamplingView, SendRequest } from '$lib/ipc/bindings';
import { Load } from './load.svelte';
import { Attached } from './pictures.svelte';

/** A message while its text grows; plain text fields so that a delta touches nothing else. */
export class Growing {
  text = $state('');
  reasoning = $state('');
  /** How long it thought, once it writes; the app's own figure replaces it at the end. */
  thinkingSeconds = $state<number | null>(null);
  /** Which picture is being looked at, from 1, and how far, in percent. */
  looking = $state.raw<{ picture: number; pictures: number; percent: number } | undefined>(undefined);
  readonly base: MessageView;
  #thinkingSince: number | undefined;

  constructor(base: MessageView) {
    this.base = base;
    this.text = base.text;
    this.reasoning = base.reasoning;
    this.thinkingSeconds = base.thinking_seconds;
  }

  add(text: string, reasoning: string): void {
    if (reasoning !== '') this.#thinkingSince ??= performance.now();
    if (text !== '' && this.#thinkingSince !== undefined) {
      this.thinkingSeconds = (this.thinkingSeconds ?? 0) + (performance.now() - this.#thinkingSince) / 1000;
      this.#thinkingSince = undefined;
    }
    this.text += text;
    this.reasoning += reasoning;
  }
}

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
  pending = $state.raw<{ text: string; pictures: PictureView[] } | undefined>(undefined);
  /** Pictures of the message that is being written. */
  attached = $state.raw(new Attached());
  /** The person wants answers of a model that does not see the pictures of this chat. */
  leaveOut = $state(false);
  #saving: ReturnType<typeof setTimeout> | undefined;

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

  readonly pictured = $derived(this.messages.some((m) => m.pictures.length > 0));

  send(text: string, pictures: PictureView[] = [], parentId: string | null = this.last?.id ?? null): Promise<void> {
    this.#cutAfter(parentId);
    this.pending = { text, pictures };
    return this.#answer({ parent_id: parentId, text, pictures: pictures.map((one) => one.id) });
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
  update(change: Partial<Pick<ChatView, 'model_id' | 'preset_id' | 'system_prompt'>> & { sampling?: SamplingView }): void {
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
      chat_id: this.id, parent_id: null, text: '', pictures: [], leave_out_pictures: this.leaveOut, retry_of: null, continue_of: null, ...what,
    };
    this.error = undefined;
    this.answering = true;
    this.stopping = false;
    try {
      await this.flush();
      await host.answerStart(request, (event) => this.#take(event));
    } catch (thrown) {
      if (this.pending !== undefined && this.draft === '' && this.attached.list.length === 0) {
        this.draft = this.pending.text;
        this.attached.list = this.pending.pictures;
      }
      this.error = asError(thrown);
      this.#end();
      await this.load();
    }
  }

  #take(event: AnswerEvent): void {
    switch (event.kind) {
      case 'started':
        this.pending = undefined;
        if (event.user) this.#append(event.user);
        this.growing = new Growing(event.assistant);
        this.answering = true;
        break;
      case 'looking': {
        if (this.growing?.base.id !== event.message_id) return;
        const { picture, pictures, percent } = event;
        this.growing.looking = picture === pictures && percent >= 100 ? undefined : { picture, pictures, percent };
        break;
      }
      case 'delta':
        if (this.growing?.base.id !== event.message_id) return;
        this.growing.add(event.text, event.reasoning);
        break;
      case 'finished':
      case 'failed':
        this.#append(event.kind === 'failed' ? { ...event.message, error: event.error } : event.message);
        this.#end();
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

export const forget = (id: string): boolean => open.delete(id);

/** After a reload of the page, an answer may stream that no channel of ours carries. */
export function refreshForeignAnswers(): void {
  for (const one of open.values()) {
    if (!one.answering && one.last?.state === 'streaming') void one.load();
  }
}
