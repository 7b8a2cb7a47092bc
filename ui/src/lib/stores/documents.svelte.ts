// Documents: those attached to a message that is being written or to a folder, and the page that is looked at. The app reads the files;
// the page only hands over their bytes.
import { host } from '$host';
import { asError } from '$lib/errors';
import type { DocumentPageView, DocumentView, ErrorView } from '$lib/ipc/bindings';
import { Load } from './load.svelte';

/** What the app takes, in bytes; larger files are not even read here. */
const MOST_BYTES = 100 * 1024 * 1024;

export function base64Of(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result).replace(/^data:[^,]*,/, ''));
    reader.onerror = () => reject(new Error(`read ${file.name}: ${reader.error?.message ?? ''}`));
    reader.readAsDataURL(file);
  });
}

/** Endings of what the app reads as a document, for the dialog that chooses files. */
export const DOCUMENT_FILES =
  '.pdf,.docx,.xlsx,.xls,.pptx,.odt,.ods,.odp,.html,.htm,.eml,.txt,.md,.csv,.tsv,.json,.xml,.yaml,.toml,.log,.tex,.py,.js,.ts,.rs,.c,.h,.cpp,.java,.go,.sh,.sql';

/** A file that was not attached, and why. */
type Refused = { name: string; error: ErrorView };

/** The documents of one message while it is written, or of a folder while it is changed. */
export class AttachedDocuments {
  list = $state.raw<DocumentView[]>([]);
  /** Files on their way. */
  reading = $state(0);
  errors = $state.raw<Refused[]>([]);
  readonly ids = $derived(this.list.map((one) => one.id));
  /** The files that were chosen, whose pages may be wanted as images. */
  readonly #files = new Map<string, File>();

  async add(file: File): Promise<void> {
    this.reading += 1;
    try {
      if (file.size > MOST_BYTES) {
        throw {
          code: 'document_too_large',
          message: `attach the document: it has ${file.size} bytes`,
          detail: { size: String(file.size) },
        } satisfies ErrorView;
      }
      const added = await host.documentAdd(file.name, await base64Of(file));
      this.#files.set(added.id, file);
      this.put(added);
    } catch (thrown) {
      this.errors = [...this.errors, { name: file.name, error: asError(thrown) }];
    } finally {
      this.reading -= 1;
    }
  }

  put(added: DocumentView): void {
    if (!this.ids.includes(added.id)) this.list = [...this.list, added];
  }

  /** The file of a document that was attached in this window. */
  fileOf(id: string): File | undefined {
    return this.#files.get(id);
  }

  dismiss(refused: Refused): void {
    this.errors = this.errors.filter((one) => one !== refused);
  }

  /** Takes it out of the list; it stays stored. */
  drop(id: string): void {
    this.list = this.list.filter((one) => one.id !== id);
  }

  remove(id: string): void {
    this.drop(id);
    // Forgotten after a day anyway, should this fail.
    void host.documentDiscard(id).catch(() => undefined);
  }

  /** Hands them over to a message. */
  take(): DocumentView[] {
    const taken = this.list;
    this.list = [];
    this.errors = [];
    return taken;
  }
}

/** The page of a document that is looked at. */
class DocumentViewer {
  document = $state.raw<Pick<DocumentView, 'id' | 'name'> | undefined>(undefined);
  /** How many it has, where that is known. */
  pages = $state<number | undefined>(undefined);
  page = $state(1);
  /** The passage that an answer cites. */
  passage = $state('');
  readonly shown = new Load<DocumentPageView>();

  show(document: Pick<DocumentView, 'id' | 'name'>, page: number, pages?: number, passage = ''): void {
    this.document = document;
    this.pages = pages;
    this.passage = passage;
    this.shown.value = undefined;
    this.turn(page);
  }

  turn(page: number): void {
    const document = this.document;
    if (!document) return;
    this.page = page;
    void this.shown.run(() => host.documentPage(document.id, page));
  }

  close(): void {
    this.document = undefined;
  }
}

export const documentViewer = new DocumentViewer();
