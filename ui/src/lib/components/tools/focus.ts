// Whether what appears may take the focus: only when the user is neither typing nor at work with something
// else. Pure.

type Focused = { tagName: string; value?: unknown; closest(selector: string): unknown };

/** Nothing has the focus, or the text field of the chat, and it is empty. */
export function mayTakeFocus(focused: Focused | null): boolean {
  if (focused === null || focused.tagName === 'BODY') return true;
  return focused.tagName === 'TEXTAREA' && focused.value === '' && focused.closest('.composer') !== null;
}
