// A chat as a file and as a page to print, much simpler than the app writes them.
import type { ChatFileFormat, ChatView } from '$lib/ipc/bindings';

const ENDINGS: Record<ChatFileFormat, string> = {
  markdown: 'md',
  html: 'html',
  word: 'docx',
  whaledeck: 'json',
};

export const savedPath = (name: string, format: ChatFileFormat): string =>
  `/home/user/${name}.${ENDINGS[format]}`;

const escaped = (text: string): string => text.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);

export function chatPage(chat: ChatView, allBranches: boolean, lang: string): string {
  const turns = chat.messages.map(
    ({ role, text }) => `<article class="${role}"><h2>${role}</h2><p>${escaped(text)}</p></article>`,
  );
  const branches = allBranches ? '<p class="version">Version 1 of 2</p>' : '';
  return (
    `<!doctype html><html lang="${lang}"><head><title>${escaped(chat.title)}</title>` +
    '<style>.chat { color: #000; font: 16px/1.65 sans-serif; } p { white-space: pre-wrap; }</style></head>' +
    `<body><main class="chat"><h1>${escaped(chat.title)}</h1>${branches}${turns.join('')}</main></body></html>`
  );
}
