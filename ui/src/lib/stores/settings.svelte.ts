// The settings, and what follows from them: language and theme of the page. Refreshed by load() and by each save.
import { host } from '$host';
import { asError } from '$lib/errors';
import { i18n } from '$lib/i18n/index.svelte';
import { resolveLanguage } from '$lib/i18n/language';
import type { ChatView, ErrorView, SettingsView, Theme } from '$lib/ipc/bindings';
import { Load } from './load.svelte';

const dark = matchMedia('(prefers-color-scheme: dark)');

class Settings {
  readonly view = new Load<SettingsView>();
  saveError = $state.raw<ErrorView | undefined>(undefined);
  #theme: Theme = 'system';

  constructor() {
    dark.addEventListener('change', () => this.#paint());
  }

  async load(): Promise<void> {
    this.#paint();
    i18n.use(resolveLanguage('system', navigator.language));
    const loaded = await this.view.run(() => host.settings());
    if (loaded) this.#apply(loaded);
  }

  /** Keeps the change and shows it at once; returns whether the app took it. */
  async save(change: Partial<SettingsView>): Promise<boolean> {
    const before = this.view.value;
    if (!before) return false;
    const wanted = { ...before, ...change };
    this.view.set(wanted);
    this.#apply(wanted);
    try {
      const kept = await host.settingsSave(wanted);
      this.view.set(kept);
      this.#apply(kept);
      this.saveError = undefined;
      return true;
    } catch (thrown) {
      this.view.set(before);
      this.#apply(before);
      this.saveError = asError(thrown);
      return false;
    }
  }

  /** Keeps or forgets what the proxy asks for; returns whether the app did. The page keeps no copy. */
  async proxyLogin(user: string, password: string): Promise<boolean> {
    try {
      this.view.set(await host.proxyLogin(user, password));
      this.saveError = undefined;
      return true;
    } catch (thrown) {
      this.saveError = asError(thrown);
      return false;
    }
  }

  /** What the app keeps of a chat for the next one, as it did when this chat was made or changed. */
  remember({
    model_id,
    preset_id,
    sampling,
    system_prompt,
  }: Pick<ChatView, 'model_id' | 'preset_id' | 'sampling' | 'system_prompt'>): void {
    const now = this.view.value;
    if (now)
      this.view.set({
        ...now,
        last_chat: { model_id, preset_id, sampling: preset_id === 'custom' ? sampling : null, system_prompt },
      });
  }

  #apply(view: SettingsView): void {
    i18n.use(resolveLanguage(view.language, navigator.language));
    this.#theme = view.theme;
    this.#paint();
  }

  #paint(): void {
    const theme = this.#theme === 'system' ? (dark.matches ? 'dark' : 'light') : this.#theme;
    document.documentElement.dataset['theme'] = theme;
  }
}

export const settings = new Settings();
