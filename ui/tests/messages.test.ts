// The words of assets/messages/page: their type is current, and both languages say the same things.
import { expect, test } from 'vitest';
import { messageTypes } from '../build/message-types';
import { words } from '$lib/i18n/catalogue';
import { fill, names } from '$lib/format/template';
import { inLanguage, isMessage, type Message, type Words } from '$lib/i18n/words';

/** Every message with its path, such as `models.lead`. */
function messages(group: Words, path = ''): [string, Message][] {
  return Object.entries(group).flatMap(([key, node]): [string, Message][] =>
    isMessage(node) ? [[`${path}${key}`, node]] : messages(node, `${path}${key}.`),
  );
}

const all = messages(words);

test('the committed type is that of the words: `npm run messages` writes it', async () => {
  await expect(messageTypes(words)).toMatchFileSnapshot('../src/lib/i18n/messages.ts');
});

test('both languages say the same, with the same values', () => {
  expect(all.length).toBeGreaterThan(800);
  for (const [path, message] of all) {
    const [english, chinese] = [[message.en].flat(), [message.zh].flat()];
    const values = (texts: string[]) => texts.map((text) => names(text).sort());
    expect.soft(values(chinese), path).toEqual(values(english));
    expect.soft([...english, ...chinese], path).not.toContain('');
    const filled = [...english, ...chinese].map((text) => fill(text, () => '1'));
    expect.soft(filled.join(), `${path}: a placeholder that is none`).not.toMatch(/[{}]/);
  }
});

test('English has no Chinese letter but where a language is written in itself', () => {
  const mixed = all.filter(([, { en }]) =>
    /\p{Script=Han}|[\u3000-\u303f\uff00-\uffef]/u.test([en].flat().join()),
  );
  expect(mixed.map(([path]) => path)).toEqual(['settings.languages.zh']);
});

test('a value is put in as it is, whatever it looks like', () => {
  const both = { en: 'Read {path} ({size}).', zh: '读取 {path}（{size}）。' };
  const { path } = inLanguage({ path: both }, 'en') as { path: (values: object) => string };
  expect(path({ path: '{size}/$&', size: '(2)' })).toBe('Read {size}/$& ((2)).');
});
