// The language in use and its words. Refreshed when settings load or change; reads no settings itself.
import { en, zh } from './catalogue';
import { localeOf, pick, type Lang } from './language';
import type { Messages } from './messages';
import type { Localized } from '$lib/ipc/bindings';

class I18n {
  lang = $state<Lang>('en');
  readonly t: Messages = $derived(this.lang === 'zh' ? zh : en);

  use(lang: Lang): void {
    this.lang = lang;
    document.documentElement.lang = localeOf(lang);
  }

  /** A sentence that the app wrote in both languages. */
  say(text: Localized): string {
    return pick(text, this.lang);
  }
}

export const i18n = new I18n();
