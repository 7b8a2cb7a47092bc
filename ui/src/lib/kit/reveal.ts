// A panel that was just opened is brought into view, because the page may end above its lower edge.

/** An attachment for what appears when it is opened. */
export const reveal = (panel: Element): void => panel.scrollIntoView({ block: 'nearest' });

/** Does the same for every <details>. `toggle` does not bubble, so it is caught on its way down. */
export function revealOpenedDetails(): void {
  document.addEventListener(
    'toggle',
    ({ target }) => {
      if (target instanceof HTMLDetailsElement && target.open) reveal(target);
    },
    { capture: true },
  );
}
