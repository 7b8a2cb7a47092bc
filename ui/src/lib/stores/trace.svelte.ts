// How the last few answers were made, token by token. Kept in memory only, while the window is open; a
// picture of an answer is drawn from here. The counts are of the whole answer, the tokens themselves are the
// last ones.
import { ExpertCounts } from '$lib/experts/counts';
import type { Chosen } from '$lib/experts/draw';
import type { AnswerEvent, MessageView, TokenTrace } from '$lib/ipc/bindings';

type Traced = Extract<AnswerEvent, { kind: 'traced' }>;

/** Tokens of an answer that are kept one by one; older ones go in blocks, so that the others seldom move. */
const TOKENS = 600;
const BLOCK = 100;
/** Answers. */
const KEPT = 8;
const BEGINNING = 40;

export class Token {
  /** Its place in the answer, from 1. */
  readonly at: number;
  readonly text: string | null;
  readonly drafted: boolean;
  readonly rejected: string | null;
  readonly #experts: Uint16Array;
  readonly #ends: Uint32Array;

  constructor(at: number, { text, drafted, rejected, experts }: TokenTrace) {
    this.at = at;
    this.text = text;
    this.drafted = drafted;
    this.rejected = rejected;
    this.#experts = Uint16Array.from(experts.flat());
    let end = 0;
    this.#ends = Uint32Array.from(experts, (layer) => (end += layer.length));
  }

  /** By layer. */
  get experts(): Chosen {
    return Array.from(this.#ends, (end, at) => [...this.#experts.subarray(this.#ends[at - 1] ?? 0, end)]);
  }
}

export class Trace {
  readonly messageId: string;
  readonly chatId: string;
  /** Among the traced answers of its chat, from 1. */
  readonly number: number;
  readonly counts = new ExpertCounts();
  /** The first words of the answer, once it is finished. */
  beginning = $state('');
  /** A part of the answer was written without a trace. */
  partial = $state(false);
  /** Grows with every change: the numbers themselves are plain, because there are many. */
  version = $state(0);
  /** Tokens of the answer in all. */
  total = 0;
  #tokens: Token[] = [];

  constructor(messageId: string, chatId: string, number: number, partial: boolean) {
    this.messageId = messageId;
    this.chatId = chatId;
    this.number = number;
    this.partial = partial;
  }

  add({ experts, tokens }: Pick<Traced, 'experts' | 'tokens'>): void {
    if (experts) this.counts.shape(experts);
    for (const token of tokens) {
      this.counts.add(token.experts);
      this.total += 1;
      this.#tokens.push(new Token(this.total, token));
    }
    if (this.#tokens.length > TOKENS)
      this.#tokens = this.#tokens.slice(Math.ceil((this.#tokens.length - TOKENS) / BLOCK) * BLOCK);
    this.version += 1;
  }

  /** The last ones. */
  get tokens(): readonly Token[] {
    void this.version;
    return [...this.#tokens];
  }
}

class Traces {
  /** Somebody looks: answers are asked for with a trace. */
  watched = $state(false);
  showDrafts = $state(false);
  #list = $state.raw<readonly Trace[]>([]);

  of = (messageId: string | undefined): Trace | undefined =>
    this.#list.find((one) => one.messageId === messageId);
  ofChat = (chatId: string): Trace[] => this.#list.filter((one) => one.chatId === chatId);

  /** While a view of traces is open; returns its end. */
  watch = (): (() => void) => {
    this.watched = true;
    return () => (this.watched = false);
  };

  /** An answer begins, or goes on where it was cut off. */
  begin(chatId: string, message: MessageView, asked: boolean): void {
    const known = this.of(message.id);
    if (known && !asked) known.partial = true;
    if (!known && asked) this.#new(chatId, message.id, message.text !== '' || message.reasoning !== '');
  }

  take(chatId: string, event: Traced): void {
    // An answer that a page before this one asked for has begun without this page.
    (this.of(event.message_id) ?? this.#new(chatId, event.message_id, true)).add(event);
  }

  end(message: MessageView): void {
    const known = this.of(message.id);
    if (known)
      known.beginning = message.text
        .replace(/[*#`_\s]+/g, ' ')
        .trim()
        .slice(0, BEGINNING);
  }

  forget(chatId: string): void {
    this.#list = this.#list.filter((one) => one.chatId !== chatId);
  }

  #new(chatId: string, messageId: string, partial: boolean): Trace {
    const number = Math.max(0, ...this.ofChat(chatId).map((one) => one.number)) + 1;
    const made = new Trace(messageId, chatId, number, partial);
    this.#list = [...this.#list, made].slice(-KEPT);
    return made;
  }
}

export const traces = new Traces();
