// A server as the form and the list show it: the arguments by line, the command as one would type it, and the
// values that stay stored. Pure.
import type { ToolSecret, ToolTransport } from '$lib/ipc/bindings';
import { visible } from './visible';

/** A variable or header in the form; `stored` is the name under which its value is kept. */
export type SecretRow = { name: string; value: string; stored: string | undefined };

export const linesOf = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');

export const rowsOf = (secrets: readonly ToolSecret[]): SecretRow[] =>
  secrets.map(({ name, value }) => ({
    name,
    value: value ?? '',
    stored: value === null ? name : undefined,
  }));

/** An empty value keeps the one that is stored under the same name. */
export const secretsOf = (rows: readonly SecretRow[]): ToolSecret[] =>
  rows
    .map((row) => ({ ...row, name: row.name.trim() }))
    .filter((row) => row.name !== '')
    .map(({ name, value, stored }) => ({ name, value: value === '' && stored === name ? null : value }));

const quoted = (word: string): string => (/[\s"'\\]/.test(word) || word === '' ? JSON.stringify(word) : word);

/** The command with its arguments, or the address. */
export const commandLine = (transport: ToolTransport): string =>
  visible(
    transport.kind === 'http' ? transport.url : [transport.command, ...transport.args].map(quoted).join(' '),
  );

export const secretNames = (transport: ToolTransport): string[] =>
  (transport.kind === 'http' ? transport.headers : transport.env).map((one) => one.name);
