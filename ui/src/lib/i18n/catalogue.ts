// The words of the page in both languages, from assets/messages/page. The type is written from the same files.
import words from 'virtual:page-words';
import type { Messages } from './messages';
import { inLanguage } from './words';

export { words };
export const en = inLanguage(words, 'en') as Messages;
export const zh = inLanguage(words, 'zh') as Messages;
