// Pictures of the screen: whether this desktop takes them, and what is still to be cut. What comes of it is attached to a
// message like any file.
import { host } from '$host';
import { asError } from '$lib/errors';
import type { ScreenWay } from '$lib/ipc/bindings';
import type { Area } from '$lib/pictures/area';
import type { Attached } from './pictures.svelte';

function fileOf(data: string, media: string): File {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  return new File([bytes], `screen.${media === 'image/jpeg' ? 'jpg' : 'png'}`, { type: media });
}

class Screen {
  way = $state<ScreenWay>('nothing');
  busy = $state(false);
  /** Everything on the screen, and the message that waits for a part of it. */
  cutting = $state.raw<{ image: HTMLImageElement; to: Attached } | undefined>(undefined);
  /** The message into which the person has to paste. */
  pasting = $state.raw<Attached | undefined>(undefined);

  async load(): Promise<void> {
    // Where it cannot be found out, there is no button; other ways to attach a picture stay.
    this.way = await host.screenWay().catch(() => 'nothing' as const);
  }

  async take(to: Attached, name: string): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    this.pasting = undefined;
    to.errors = [];
    try {
      const taken = await host.screenTake();
      if (taken.kind === 'part') await to.add([fileOf(taken.data, taken.media)]);
      else if (taken.kind === 'clipboard') this.pasting = to;
      else if (taken.kind === 'whole') {
        const image = new Image();
        image.src = `data:${taken.media};base64,${taken.data}`;
        await image.decode();
        this.cutting = { image, to };
      }
    } catch (thrown) {
      to.errors = [{ name, error: asError(thrown) }];
    } finally {
      this.busy = false;
    }
  }

  /** Attaches a part of the screen. */
  async cut(area: Area): Promise<void> {
    if (!this.cutting) return;
    const { image, to } = this.cutting;
    this.cutting = undefined;
    const canvas = Object.assign(document.createElement('canvas'), {
      width: area.width,
      height: area.height,
    });
    canvas
      .getContext('2d')
      ?.drawImage(image, area.left, area.top, area.width, area.height, 0, 0, area.width, area.height);
    const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'));
    if (blob) await to.add([new File([blob], 'screen.png', { type: 'image/png' })]);
  }
}

export const screen = new Screen();
