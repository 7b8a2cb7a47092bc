// A canvas does not follow the theme by itself.

/** Calls back when the theme changes; returns the end of it. */
export function onTheme(change: () => void): () => void {
  const theme = new MutationObserver(change);
  theme.observe(document.documentElement, { attributeFilter: ['data-theme'] });
  return () => theme.disconnect();
}
