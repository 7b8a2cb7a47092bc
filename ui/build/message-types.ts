// Writes the TypeScript type of the words of assets/messages/page, so that a misspelt key or a missing value is an error
// of `npm run check`. tests/messages.test.ts holds the committed file to it.
import { isMessage, type Text, type Words } from '../src/lib/i18n/words';
import { names } from '../src/lib/format/template';

const HEAD = `// Generated from assets/messages/page by \`npm run messages\`: do not edit.
type Value = string | number;

export type Messages = `;

const key = (name: string): string => (/^\w+$/.test(name) ? name : `'${name}'`);

function textType(text: Text): string {
  if (typeof text !== 'string') return 'readonly string[]';
  const values = [...new Set(names(text))];
  return values.length === 0
    ? 'string'
    : `(values: { ${values.map((name) => `${name}: Value`).join('; ')} }) => string`;
}

function groupType(words: Words, indent: string): string {
  const inner = `${indent}  `;
  const lines = Object.entries(words).map(([name, node]) => {
    const type = isMessage(node) ? textType(node.en) : groupType(node, inner);
    return `${inner}${key(name)}: ${type};\n`;
  });
  return `{\n${lines.join('')}${indent}}`;
}

export const messageTypes = (words: Words): string => `${HEAD}${groupType(words, '')};\n`;
