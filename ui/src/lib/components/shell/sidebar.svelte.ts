// Whether the sidebar shows. Wide windows start with it, narrow ones without; the two choices are kept apart.
const narrowWindow = matchMedia('(max-width: 900px)');

class Sidebar {
  narrow = $state(narrowWindow.matches);
  #wide = $state(true);
  #over = $state(false);

  constructor() {
    narrowWindow.addEventListener('change', () => {
      this.narrow = narrowWindow.matches;
      this.#over = false;
    });
  }

  readonly shown = $derived.by(() => (this.narrow ? this.#over : this.#wide));

  toggle(): void {
    if (this.narrow) this.#over = !this.#over;
    else this.#wide = !this.#wide;
  }

  /** After a choice in a narrow window the page is what the person wants to see. */
  leave(): void {
    this.#over = false;
  }
}

export const sidebar = new Sidebar();
