import { expect, test } from 'vitest';
import { makeMarkdown } from '$lib/markdown/render';
import { MarkdownStream } from '$lib/markdown/stream';

const TEXT = `# Title

Some *words* with \`code\` and a [link](https://example.org).

- one

- two
  with more

1. first
2. second

| a | b |
|---|---|
| 1 | 2 |

\`\`\`js
let x = 1;

let y = 2;
\`\`\`

> quoted

    indented

Last **words**.`;

test.each([1, 3, 7, 40])('growing by %d characters ends as the whole text rendered at once', (size) => {
  const md = makeMarkdown(() => 'Copy');
  const stream = new MarkdownStream(md);
  let blocks: string[] = [];
  for (let end = size; end < TEXT.length + size; end += size) blocks = stream.update(TEXT.slice(0, end));
  expect(blocks.join('')).toBe(md.render(TEXT));
});

test('another text starts again', () => {
  const stream = new MarkdownStream(makeMarkdown(() => 'Copy'));
  stream.update('one\n\ntwo\n\nthree');
  expect(stream.update('other').join('')).toBe('<p>other</p>\n');
});

test('markup of the model is text, pictures are not fetched, code is escaped', () => {
  const md = makeMarkdown(() => 'Copy');
  expect(md.render('<script>alert(1)</script>')).toContain('&lt;script&gt;');
  expect(md.render('![x](https://example.org/a.png)')).not.toContain('<img');
  expect(md.render('[x](javascript:alert(1))')).not.toContain('href');
  expect(md.render('```"><b>\n<i>\n```')).not.toMatch(/<b>|<i>/);
});
