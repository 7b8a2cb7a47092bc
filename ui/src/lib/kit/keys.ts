// Which key presses send. Pure: it sees the event and the setting, nothing else.

type Press = Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'shiftKey' | 'isComposing' | 'keyCode'>;

/** True while an input method composes. WebKit reports the closing Enter with keyCode 229 and isComposing false. */
export const composing = (press: Press): boolean => press.isComposing || press.keyCode === 229;

export function sends(press: Press, withEnter: boolean): boolean {
  if (press.key !== 'Enter' || composing(press)) return false;
  if (press.ctrlKey || press.metaKey) return true;
  return withEnter && !press.shiftKey;
}
