// A token among others that each have a frame: the space before a word is then no sign of anything.
import { shownText } from '$lib/components/inside/token-text';

export const shownAlone = (text: string): string => shownText(text).trim();
