// The name that a file is suggested with: of the title of a chat, without what a file system does not take.
const MOST = 60;

export function fileName(title: string): string {
  const plain = title
    // eslint-disable-next-line no-control-regex -- they are what is taken out
    .replace(/[\\/:*?"<>|\u0000-\u001f]+/g, ' ')
    .trim()
    .replace(/^\.+/, '');
  return [...plain].slice(0, MOST).join('').trim() || 'chat';
}
