// What the chat page shows: the session of its address or the beginning of one, the model and the style of what comes next,
// and whether that fits. A chat is written down with its first message or change. Knows no component but the composer's focus.
import { untrack } from 'svelte';
import { host } from '$host';
import { asError } from '$lib/errors';
import type { ChatView, ContextTrim, ContextUse, ErrorView, LongerContext } from '$lib/ipc/bindings';
import { newChat, router } from '$lib/router/router.svelte';
import { clouds, isCloud } from './clouds.svelte';
import { deployments, isDeployment } from './deployments.svelte';
import { folders } from './folders.svelte';
import { links } from './links.svelte';
import { Load } from './load.svelte';
import { models } from './models.svelte';
import { opening } from './opening.svelte';
import { Attached, viewer } from './pictures.svelte';
import { screen } from './screen.svelte';
import { adopt, session as sessionOf, type Session } from './session.svelte';
import { settings } from './settings.svelte';
import { tools } from './tools.svelte';
import { worker } from './worker.svelte';

/** A chat's address: which one, or the model and the folder of a new one; and the message to land on, with the words that led there. */
export type ChatAddress = {
  id: string | null;
  model: string | null;
  message?: string | undefined;
  find?: string | undefined;
  folder?: string | undefined;
};
type Style = Pick<ChatView, 'preset_id' | 'sampling' | 'system_prompt'>;

const noSampling: ChatView['sampling'] = {
  temperature: 0.6,
  top_p: 0.95,
  top_k: 0,
  min_p: 0,
  frequency_penalty: 0,
  presence_penalty: 0,
  repetition_penalty: 1,
  thinking: 'own',
  max_tokens: 0,
  seed: null,
};

export class ChatPage {
  readonly #address: () => ChatAddress;
  readonly id = $derived.by(() => this.#address().id);
  readonly session = $derived.by(() => (this.id === null ? undefined : sessionOf(this.id)));
  readonly chat = $derived.by(() => this.session?.chat.value);
  /** The folder whose instructions and documents this chat reads. */
  readonly folder = $derived.by(() =>
    folders.byId(this.id === null ? this.#address().folder : this.chat?.folder_id),
  );
  /** Nothing of this chat can be changed now. */
  readonly frozen = $derived.by(() => this.session?.answering === true || opening.readOnly !== undefined);

  /** Of a chat that does not exist yet. */
  #draft = $state('');
  #leaveOut = $state(false);
  readonly #unsent = new Attached();
  #creating: Promise<Session | undefined> | undefined;
  createError = $state.raw<ErrorView | undefined>(undefined);

  /** The chat that begins here is never written down. */
  #temporary = $state(false);
  readonly temporary = $derived.by(() => this.chat?.temporary ?? this.#temporary);
  /** Only a chat that does not exist yet can become one, and files are stored. */
  readonly canBeTemporary = $derived.by(
    () => this.id === null && this.#address().folder === undefined && this.attached.empty,
  );
  set nextTemporary(temporary: boolean) {
    this.#temporary = temporary;
  }

  /** The message that is being changed, the search in this chat, and the panel of the style. */
  editing = $state<string | undefined>(undefined);
  searching = $state(false);
  panel = $state(false);
  composer = $state.raw<{ focus(): void } | undefined>(undefined);

  /** How much of the conversation's length is used, with what stands in the composer. */
  readonly use = new Load<ContextUse>();
  /** The person wanted to send what is too long. */
  #stuck = $state(false);

  constructor(address: () => ChatAddress) {
    this.#address = address;
    $effect(() => this.#planPictures());
    $effect(() => this.#count());
    $effect(() => {
      this.attached.closed = this.temporary;
    });
    $effect(() => {
      if (!this.over) this.#stuck = false;
    });
    // Another place in the same chat is a new address with the same id, and changes nothing here.
    $effect(() => {
      void this.id;
      untrack(() => this.#begin());
    });
    // After the beginning of a page, which forgets what the last one was to be.
    $effect(() => this.#fromLink());
  }

  /** A link may begin a chat while the page of a new one is open. */
  #fromLink(): void {
    if (this.id !== null || links.beginning === undefined) return;
    const beginning = untrack(() => links.takeBeginning());
    this.#draft = beginning?.text ?? '';
    this.#temporary = beginning?.temporary === true;
  }

  /** Another chat, another unsent text; the composer is where one wants to be. */
  #begin(): void {
    this.#temporary = false;
    this.editing = undefined;
    this.searching = this.#address().find !== undefined;
    this.#stuck = false;
    this.use.value = undefined;
    this.createError = undefined;
    viewer.close();
    screen.cutting = undefined;
    this.composer?.focus();
  }

  // The model, and the style of what comes next.

  readonly #last = $derived(settings.view.value?.last_chat);
  /** What was chosen last, where it can answer now. */
  readonly #lastModel = $derived.by(() => {
    const known = this.#last?.model_id ?? '';
    const there = isCloud(known)
      ? clouds.of(known) !== undefined
      : isDeployment(known)
        ? deployments.of(known) !== undefined
        : models.usable.some((one) => one.id === known);
    return there ? known : undefined;
  });
  readonly modelId = $derived.by(
    () =>
      this.chat?.model_id ??
      this.#address().model ??
      this.#lastModel ??
      worker.view.value?.model_id ??
      models.usable[0]?.id ??
      'guide',
  );
  readonly modelName = $derived.by(() =>
    isCloud(this.modelId) ? clouds.nameOf(this.modelId) : (models.byId(this.modelId)?.name ?? this.modelId),
  );
  readonly runsHere = $derived.by(() => !isCloud(this.modelId) && !isDeployment(this.modelId));
  /** The built-in model of this chat; the one that sees begins with pictures. */
  readonly builtIn = $derived.by(() => {
    const found = models.byId(this.modelId);
    return found?.family === 'guide' ? found : undefined;
  });
  readonly style = $derived.by<Style>(
    () => this.chat ?? { ...this.#likeLast(), system_prompt: this.#last?.system_prompt ?? '' },
  );
  readonly stats = $derived.by(() => this.session?.messages.findLast((m) => m.stats)?.stats ?? undefined);

  /** The style of the last chat, as the app will begin the next one. */
  #likeLast(): Pick<Style, 'preset_id' | 'sampling'> {
    const last = this.#last;
    const preset = models.presets.value?.find((one) => one.id === last?.preset_id && one.id !== 'deepseek');
    if (last?.preset_id === 'custom' && last.sampling)
      return { preset_id: 'custom', sampling: last.sampling };
    if (preset) return { preset_id: preset.id, sampling: preset.sampling };
    const known = models.byId(this.modelId) ?? clouds.of(this.modelId) ?? deployments.of(this.modelId);
    return { preset_id: 'deepseek', sampling: known?.recommended ?? noSampling };
  }

  useModel = (model_id: string): void => {
    this.#leaveOut = false;
    if (this.session) this.session.update({ model_id });
    else router.go(newChat(model_id, this.#address().folder), 'replace');
  };

  change = async (what: Parameters<Session['update']>[0]): Promise<void> => {
    (await this.#ensure())?.update(what);
  };

  // What stands in the composer.

  get draft(): string {
    return this.session ? this.session.draft : this.#draft;
  }
  set draft(text: string) {
    if (this.session) this.session.draft = text;
    else this.#draft = text;
  }

  readonly attached = $derived.by(() => this.session?.attached ?? this.#unsent);
  /** The person wants answers of a model that does not see the pictures of this chat. */
  get leaveOut(): boolean {
    return this.session ? this.session.leaveOut : this.#leaveOut;
  }
  set leaveOut(out: boolean) {
    if (this.session) this.session.leaveOut = out;
    else this.#leaveOut = out;
  }
  readonly #parent = $derived.by(() => this.session?.last?.id ?? null);
  /** This chat has pictures, sent or not, and its model has to see them. */
  readonly pictured = $derived.by(() => this.attached.list.length > 0 || this.session?.pictured === true);
  /** The documents of this chat do not fit as a whole. */
  readonly searched = $derived.by(() => this.use.value?.searched === true);
  readonly sees = $derived.by(() => models.byId(this.modelId)?.takes_images === true);
  readonly undecided = $derived.by(() => {
    const plan = this.attached.plan.value;
    return this.pictured && plan?.sight === 'blind' && plan.pictures > 0 && !this.leaveOut;
  });

  /** How the pictures fit the model, before anything is sent. A model that came or went changes the advice. */
  #planPictures(): void {
    void models.list.value;
    if (!this.pictured || this.session?.answering) return;
    const [attached, model, before] = [this.attached, this.modelId, this.#parent];
    const ids = attached.ids;
    void attached.plan.run(() => host.picturesPlan(model, before, ids));
  }

  // How long it is.

  readonly over = $derived.by(
    () => this.use.value?.context != null && this.use.value.tokens >= this.use.value.context,
  );
  readonly tooLong = $derived.by(
    () => (this.#stuck && this.over) || this.session?.error?.code === 'prompt_too_long',
  );

  /** Counted anew a moment after the last change. */
  #count(): (() => void) | undefined {
    void [
      this.chat?.context_start,
      worker.view.value?.state,
      worker.view.value?.model_id,
      worker.view.value?.context_length,
      models.list.value,
      tools.offered,
      this.folder,
    ];
    if (this.session?.answering || (this.session && !this.chat)) return undefined;
    const query = {
      model_id: this.modelId,
      chat_id: this.id,
      folder_id: this.id === null ? (this.#address().folder ?? null) : null,
      parent_id: this.#parent,
      system_prompt: this.style.system_prompt,
      text: this.draft,
      pictures: this.leaveOut ? [] : this.attached.ids,
      documents: this.attached.documents.ids,
      context: null,
      tools: tools.on,
      refused: this.session?.error?.code === 'prompt_too_long',
    };
    const timer = setTimeout(() => void this.use.run(() => host.contextUse(query)), 300);
    return () => clearTimeout(timer);
  }

  async leaveTurns(trim: ContextTrim): Promise<void> {
    const to = this.session;
    if (!to) return;
    this.#stuck = false;
    if (trim.message_id !== null && !(await to.readFrom(trim.message_id))) return;
    await this.send(this.draft.trim(), trim.message_id === null);
  }

  async allow({ context }: LongerContext): Promise<void> {
    this.#stuck = false;
    try {
      await host.contextLengthSet(this.modelId, context);
    } catch (thrown) {
      this.createError = asError(thrown);
      return;
    }
    await this.send(this.draft.trim());
  }

  keepText(): void {
    this.#stuck = false;
    this.session?.dismiss();
    this.composer?.focus();
  }

  // Sending.

  /** What is too long is not sent: the text stays where it is. */
  ask(text: string): void {
    this.session?.dismiss();
    if (this.session?.answering) {
      this.session.enqueue(text, this.attached.take());
      this.draft = '';
    } else if (this.over) this.#stuck = true;
    else void this.send(text);
  }

  async send(text: string, leaveOutOlder = false): Promise<void> {
    const [from, out] = [this.attached, this.leaveOut];
    const to = await this.#ensure();
    if (!to) return;
    this.#draft = '';
    to.draft = '';
    to.leaveOut = out;
    this.#leaveOut = false;
    await to.send(text, from.take(), undefined, leaveOutOlder);
  }

  editLast(): void {
    if (!this.frozen) this.editing = this.session?.messages.findLast((m) => m.role === 'user')?.id;
  }

  find(): void {
    if (!this.session || this.session.messages.length === 0) return;
    this.searching = true;
    // Asked for again, the field is where one wants to be.
    document.querySelector<HTMLInputElement>('#find-here')?.select();
  }

  /** The session of this page, made now if the chat does not exist yet. Asked twice at once, it makes one. */
  #ensure(): Promise<Session | undefined> {
    if (this.session) return Promise.resolve(this.session);
    this.#creating ??= this.#create(this.modelId).finally(() => (this.#creating = undefined));
    return this.#creating;
  }

  async #create(model: string): Promise<Session | undefined> {
    try {
      const chat = await (this.#temporary
        ? host.chatCreateTemporary(model)
        : host.chatCreate(model, this.#address().folder ?? null));
      const made = adopt(chat);
      if (!chat.temporary) settings.remember(chat);
      router.go({ page: 'chat', id: made.id, model: null }, 'replace');
      this.createError = undefined;
      return made;
    } catch (thrown) {
      this.createError = asError(thrown);
      return undefined;
    }
  }
}
