// Pictures: their bytes for the page, those attached to a message that is being written, and which one is looked at
// large. Bytes are asked for once and kept while there is room; what is kept on the disk is the app's business.
import { host } from '$host';
import { asError } from '$lib/errors';
import type { BoxView, DocumentView, ErrorView, PicturesPlan, PictureView } from '$lib/ipc/bindings';
import { AttachedDocuments, base64Of, DOCUMENT_FILES } from './documents.svelte';
import { Load } from './load.svelte';

/** Letters of data URLs that are kept for the page. */
const ROOM = 96e6;
/** What the app takes, in bytes; larger files are not even read here. */
const MOST_BYTES = 32 * 1024 * 1024;

const kept = new Map<string, Promise<string>>();
const lengths = new Map<string, number>();

/** The picture as an address for an <img>. */
export function addressOf(id: string): Promise<string> {
  const known = kept.get(id);
  if (known) {
    // The one used last goes last.
    kept.delete(id);
    kept.set(id, known);
    return known;
  }
  const asked = host.pictureData(id);
  kept.set(id, asked);
  asked.then(
    (url) => {
      lengths.set(id, url.length);
      let room = ROOM - [...kept.keys()].reduce((sum, one) => sum + (lengths.get(one) ?? 0), 0);
      for (const one of kept.keys()) {
        if (room >= 0 || one === id) break;
        room += lengths.get(one) ?? 0;
        kept.delete(one);
      }
    },
    () => kept.delete(id),
  );
  return asked;
}

/** Files of what was pasted or dropped; everything else of it is left alone. */
export function filesOf(data: DataTransfer | null): File[] {
  return [...(data?.files ?? [])];
}

/** Whether pasted text is nothing but paths of files that can be attached, as a file manager gives them. */
export function namesFiles(text: string): boolean {
  const endings = ['.png', '.jpg', '.jpeg', '.webp', '.gif', '.bmp', ...DOCUMENT_FILES.split(',')];
  const named = (line: string) =>
    /^(file:\/\/|\/)/.test(line) && endings.some((ending) => line.toLowerCase().endsWith(ending));
  return text
    .trim()
    .split(/\r?\n/)
    .every((line) => named(line.trim()));
}

/** A file that was not attached, and why. */
type Refused = { name: string; error: ErrorView };

const noFiles: ErrorView = {
  code: 'temporary_chat_files',
  message: 'attach the file: a temporary chat takes none',
  detail: {},
};

/** What is attached to a message. */
export type Attachments = { pictures: PictureView[]; documents: DocumentView[] };
export const nothing: Attachments = { pictures: [], documents: [] };

/** The pictures and documents of one message while it is written. */
export class Attached {
  list = $state.raw<PictureView[]>([]);
  /** Files on their way. */
  reading = $state(0);
  errors = $state.raw<Refused[]>([]);
  /** Of a temporary chat, which takes no files. */
  closed = $state(false);
  readonly plan = new Load<PicturesPlan>();
  readonly ids = $derived(this.list.map((one) => one.id));
  readonly documents = new AttachedDocuments();
  readonly busy = $derived(this.reading > 0 || this.documents.reading > 0);
  readonly empty = $derived(this.list.length === 0 && this.documents.list.length === 0);

  /** Images as images, everything else as documents. */
  async add(files: File[]): Promise<void> {
    this.errors = [];
    this.documents.errors = [];
    if (this.closed) {
      this.errors = files.map(({ name }) => ({ name, error: noFiles }));
      return;
    }
    const images = files.filter((file) => file.type.startsWith('image/'));
    this.reading += images.length;
    // One after the other, so that they stand in the order in which they were chosen.
    for (const file of files) {
      if (!images.includes(file)) {
        await this.documents.add(file);
        continue;
      }
      try {
        if (file.size > MOST_BYTES) {
          throw {
            code: 'picture_too_large',
            message: `attach the picture: it has ${file.size} bytes`,
            detail: { size: String(file.size) },
          } satisfies ErrorView;
        }
        const added = await host.pictureAdd(await base64Of(file));
        if (!this.ids.includes(added.id)) this.list = [...this.list, added];
      } catch (thrown) {
        this.errors = [...this.errors, { name: file.name, error: asError(thrown) }];
      } finally {
        this.reading -= 1;
      }
    }
  }

  /** What the page was not given of a paste; whether there was anything. */
  async addFromClipboard(): Promise<boolean> {
    if (this.closed) return false;
    this.reading += 1;
    try {
      const pasted = await host.clipboardFiles();
      if (pasted.length > 0) this.errors = [];
      for (const { name, image, document, error } of pasted) {
        if (error) this.errors = [...this.errors, { name, error }];
        else if (document) this.documents.put(document);
        else if (image && !this.ids.includes(image.id)) this.list = [...this.list, image];
      }
      return pasted.length > 0;
    } catch (thrown) {
      this.errors = [...this.errors, { name: '', error: asError(thrown) }];
      return true;
    } finally {
      this.reading -= 1;
    }
  }

  dismiss(refused: Refused): void {
    this.errors = this.errors.filter((one) => one !== refused);
  }

  remove(id: string): void {
    this.list = this.list.filter((one) => one.id !== id);
    // Forgotten after a day anyway, should this fail.
    void host.pictureDiscard(id).catch(() => undefined);
  }

  /** Pages of a document that have no text, as images. */
  async addPages(document: DocumentView): Promise<void> {
    const file = this.documents.fileOf(document.id);
    if (!file) return;
    this.reading += 1;
    try {
      const pages = await host.documentPictures(await base64Of(file), document.scanned);
      this.list = [...this.list, ...pages.filter((page) => !this.ids.includes(page.id))];
    } catch (thrown) {
      this.errors = [...this.errors, { name: file.name, error: asError(thrown) }];
    } finally {
      this.reading -= 1;
    }
  }

  /** What a message that was not sent had. */
  restore(attachments: Attachments): void {
    this.list = attachments.pictures;
    this.documents.list = attachments.documents;
  }

  /** Hands them over to a message. */
  take(): Attachments {
    const taken = { pictures: this.list, documents: this.documents.take() };
    this.list = [];
    this.errors = [];
    return taken;
  }
}

class Viewer {
  pictures = $state.raw<PictureView[]>([]);
  boxes = $state.raw<BoxView[]>([]);
  at = $state(0);

  /** Shows one of these, with what answers point at in it. */
  show(pictures: PictureView[], at: number, boxes: BoxView[]): void {
    this.pictures = pictures;
    this.boxes = boxes;
    this.at = at;
  }
  close(): void {
    this.pictures = [];
  }
}

export const viewer = new Viewer();
