// A token as it is shown alone: what would be invisible has a sign.

export const shownText = (text: string): string =>
  text
    .replace(/\r?\n/g, '⏎')
    .replace(/\t/g, '⇥')
    .replace(/^ +$/, (spaces) => '␣'.repeat(spaces.length));
