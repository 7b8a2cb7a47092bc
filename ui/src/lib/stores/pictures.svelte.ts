// Pictures: their bytes for the page, those attached to a message that is being written, and which one is looked at
// large. Bytes are asked for once and kept while there is room; what is kept on the disk is the app's business.
import { host } from '$host';
import { asError } from '$lib/errors';
import type { BoxView, ErrorView, PicturesPlan, PictureView } from '$lib/ipc/bindings';
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

function base64Of(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result).replace(/^data:[^,]*,/, ''));
    reader.onerror = () => reject(new Error(`read ${file.name}: ${reader.error?.message ?? ''}`));
    reader.readAsDataURL(file);
  });
}

/** Image files of what was pasted or dropped; everything else of it is left alone. */
export function filesOf(data: DataTransfer | null): File[] {
  return [...(data?.files ?? [])];
}

/** Whether pasted text is nothing but paths of image files, as a file manager gives them. */
export function namesImageFiles(text: string): boolean {
  const lines = text.trim().split(/\r?\n/);
  return lines.every((line) => /^(file:\/\/|\/).*\.(png|jpe?g|webp|gif|bmp)$/i.test(line.trim()));
}

/** A file that was not attached, and why. */
type Refused = { name: string; error: ErrorView };

/** The pictures of one message while it is written. */
export class Attached {
  list = $state.raw<PictureView[]>([]);
  /** Files on their way. */
  reading = $state(0);
  errors = $state.raw<Refused[]>([]);
  readonly plan = new Load<PicturesPlan>();
  readonly ids = $derived(this.list.map((one) => one.id));

  async add(files: File[]): Promise<void> {
    this.errors = [];
    this.reading += files.length;
    // One after the other, so that they stand in the order in which they were chosen.
    for (const file of files) {
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
    this.reading += 1;
    try {
      const pasted = await host.clipboardImages();
      if (pasted.length > 0) this.errors = [];
      for (const { name, image, error } of pasted) {
        if (error) this.errors = [...this.errors, { name, error }];
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

  /** Hands them over to a message. */
  take(): PictureView[] {
    const taken = this.list;
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
