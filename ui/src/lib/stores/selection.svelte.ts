// The chats that are selected in the list, to do one thing with all of them.
import { ranged, remaining, toggled, type Selected } from './selected';

class Selection {
  on = $state(false);
  ids = $state.raw<Selected>(new Set());
  /** The chats of the list, in the order in which they are shown. */
  order: readonly string[] = [];
  /** The one that was pressed last, where a range begins. */
  pressed: string | undefined;

  begin(): void {
    this.on = true;
    this.ids = new Set();
    this.pressed = undefined;
  }

  end(): void {
    this.on = false;
    this.ids = new Set();
  }

  toggle(id: string): void {
    this.on = true;
    this.ids = toggled(this.ids, id);
    this.pressed = id;
  }

  /** From the last one that was pressed, or the open chat, to this one. */
  extend(id: string, open: string | undefined): void {
    this.ids = ranged(this.ids, this.order, this.on ? this.pressed : open, id);
    this.on = true;
    this.pressed = id;
  }

  all(): void {
    this.ids = new Set(this.order);
  }

  /** After the list has changed. */
  keep(there: readonly string[]): void {
    if (this.on) this.ids = remaining(this.ids, there);
  }
}

export const selection = new Selection();
