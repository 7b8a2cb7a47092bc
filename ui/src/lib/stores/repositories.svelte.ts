// Repositories outside the catalogue: what a search found, the one that is looked at, and the start of a download.
// A text with a slash names a repository; every other text is searched.
import { host } from '$host';
import { asError } from '$lib/errors';
import type { ErrorView, RepositoryHitView, RepositoryView, SourceKind } from '$lib/ipc/bindings';
import { models } from './models.svelte';

class Repositories {
  hits = $state.raw<RepositoryHitView[] | undefined>(undefined);
  open = $state.raw<RepositoryView | undefined>(undefined);
  error = $state.raw<ErrorView | undefined>(undefined);
  busy = $state(false);
  /** The last question; an answer to an earlier one is dropped. */
  #asked = 0;

  find(text: string, source: SourceKind): Promise<void> {
    return text.includes('/') ? this.look(text, source) : this.#search(text, source);
  }

  look(text: string, source: SourceKind): Promise<void> {
    return this.#ask(
      () => host.repository(text, source),
      (view) => (this.open = view),
    );
  }

  back(): void {
    this.open = undefined;
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
