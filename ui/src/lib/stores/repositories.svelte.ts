// Repositories outside the catalogue: what a search found, the one that is looked at, and the start of a download.
// A text with a slash names a repository; every other text is searched. The precisions of a repository that was opened
// are checked one after another, some at the same time, until another question is asked.
import { host } from '$host';
import { asError } from '$lib/errors';
import type {
  ErrorView,
  FileGroupView,
  RepositoryHitView,
  RepositoryView,
  SourceKind,
} from '$lib/ipc/bindings';
import { models } from './models.svelte';

/** Headers that are read at the same time: each is some megabytes. */
const CHECKS = 3;

class Repositories {
  hits = $state.raw<RepositoryHitView[] | undefined>(undefined);
  open = $state.raw<RepositoryView | undefined>(undefined);
  error = $state.raw<ErrorView | undefined>(undefined);
  busy = $state(false);
  /** Why the header of a precision could not be read, by its name. Its verdict is then that of another one. */
  unchecked = $state<Record<string, ErrorView>>({});
  /** The last question; an answer to an earlier one is dropped. */
  #asked = 0;

  find(text: string, source: SourceKind): Promise<void> {
    return text.includes('/') ? this.look(text, source) : this.#search(text, source);
  }

  look(text: string, source: SourceKind): Promise<void> {
    return this.#ask(
      () => host.repository(text, source),
      (view) => {
        this.open = view;
        this.unchecked = {};
        void this.#check(view);
      },
    );
  }

  back(): void {
    this.#asked += 1;
    this.open = undefined;
  }

  /** Whether the verdict of a precision is still that of another one. */
  isChecking = (group: FileGroupView): boolean => !group.own_facts && !(group.name in this.unchecked);

  /** Replaces each verdict that is that of another precision by the one of its own header. */
  async #check(view: RepositoryView): Promise<void> {
    const asked = this.#asked;
    const waiting = view.groups.filter((group) => !group.own_facts).map((group) => group.name);
    const next = async (): Promise<void> => {
      for (;;) {
        const name = asked === this.#asked ? waiting.shift() : undefined;
        if (name === undefined) return;
        try {
          const checked = await host.repositoryCheck(view.repo, view.source, name);
          if (asked === this.#asked) this.#replace(checked);
        } catch (thrown) {
          if (asked === this.#asked) this.unchecked[name] = asError(thrown);
        }
      }
    };
    await Promise.all(Array.from({ length: CHECKS }, next));
  }

  #replace(checked: FileGroupView): void {
    const { open } = this;
    if (!open) return;
    const groups = open.groups.map((group) => (group.name === checked.name ? checked : group));
    this.open = { ...open, groups };
  }

  /** Whether the download has started. */
  async download(repository: RepositoryView, group: string): Promise<boolean> {
    const { repo, source } = repository;
    let started = false;
    await this.#ask(
      () => host.repositoryDownload(repo, source, group),
      (download) => {
        models.put(download);
        started = true;
      },
    );
    return started;
  }

  #search(text: string, source: SourceKind): Promise<void> {
    return this.#ask(
      () => host.repositorySearch(text, source),
      (hits) => {
        this.hits = hits;
        this.open = undefined;
      },
    );
  }

  async #ask<T>(question: () => Promise<T>, take: (answer: T) => void): Promise<void> {
    const asked = ++this.#asked;
    this.busy = true;
    this.error = undefined;
    try {
      const answer = await question();
      if (asked === this.#asked) take(answer);
    } catch (thrown) {
      if (asked === this.#asked) this.error = asError(thrown);
    } finally {
      if (asked === this.#asked) this.busy = false;
    }
  }
}

export const repositories = new Repositories();
