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

const FORMULAS = `Energy $E = mc^2$ and \\(a+b\\), but $5 and $10 is money.

\\[
\\frac{a}{b}
- c
\\]

$$x^2$$

A line with $$y$$ inside, a \\$ sign, and \`$code$\`.

- in a list: $\\alpha$

\\[ never closed

End.`;

test.each([1, 4, 9])('formulas that grow by %d characters end as those rendered at once', (size) => {
  const md = makeMarkdown(() => 'Copy');
  const stream = new MarkdownStream(md);
  let blocks: string[] = [];
  for (let end = size; end < FORMULAS.length + size; end += size)
    blocks = stream.update(FORMULAS.slice(0, end));
  expect(blocks.join('')).toBe(md.render(FORMULAS));
});

test('formulas keep their TeX, money and code stay text', () => {
  const html = makeMarkdown(() => 'Copy').render(FORMULAS);
  const found = [...html.matchAll(/data-tex="([^"]*)"( data-display="")?/g)].map((m) => [
    m[1],
    m[2] !== undefined,
  ]);
  expect(found).toEqual([
    ['E = mc^2', false],
    ['a+b', false],
    ['\\frac{a}{b}\n- c', true],
    ['x^2', true],
    ['y', true],
    ['\\alpha', false],
  ]);
  expect(html).toContain('but $5 and $10 is money');
  expect(html).toContain('<code>$code$</code>');
});

test('code names its language for the colours', () => {
  const html = makeMarkdown(() => 'Copy').render('```Python title="x"\nprint(1)\n```\n\n```\nplain\n```');
  expect(html).toContain('<code data-language="python">');
  expect(html).toContain('<code>plain');
});

const strong = (html: string): string =>
  html.replaceAll(/<strong>(.*?)<\/strong>/g, '[$1]').replaceAll(/<\/?p>|\n/g, '');

test.each([
  ['**注意：**这里', '[注意：]这里'],
  ['这是**“引号”**的文字', '这是[“引号”]的文字'],
  ['**（注）**正文', '[（注）]正文'],
  ['他说**好。**然后**“走”**', '他说[好。]然后[“走”]'],
  ['**重要**：读', '[重要]：读'],
  ['2*3*4 and 5**2', '2*3*4 and 5**2'],
])('emphasis beside CJK punctuation and digits: %s', (text, shown) => {
  expect(strong(makeMarkdown(() => 'Copy').render(text))).toBe(shown);
});

const formulas = (text: string): string[] =>
  [
    ...makeMarkdown(() => 'Copy')
      .render(text)
      .matchAll(/data-tex="([^"]*)"/g),
  ].map((found) => found[1] ?? '');

test.each([
  'Costs $5 and $10',
  'US$5 to US$10',
  '$5–$10 or $5-$10',
  '$5k/$10k a year',
  '$20/month, and 1$ more',
  '花费 $5（约 36 元）到 $10',
  '价格$5，约 36 元，$10 起',
  'export PATH=$HOME/bin:$PATH',
  'a$b$c',
  '\\$5 and 10$',
])('money, ranges and shell variables are no formula: %s', (text) => {
  expect(formulas(text)).toEqual([]);
});

test.each([
  ['Costs $5; let $x$ be', ['x']],
  ['$2\\pi r$ and $2ab + b^2$ and $10$', ['2\\pi r', '2ab + b^2', '10']],
  ['$3\\text{ apples}$', ['3\\text{ apples}']],
  ['公式$x^2$是平方', ['x^2']],
  ['$-5$ and $\\$5$', ['-5', '\\$5']],
])('formulas beside money: %s', (text, found) => {
  expect(formulas(text)).toEqual(found);
});

test.each([
  ['Let $a_1 + b_1', '<p>Let $a_1 + b_1</p>'],
  ['Let \\(a *b* c', '<p>Let \\(a *b* c</p>'],
  ['From $5–$', '<p>From $5–$</p>'],
  ['So $x$', '<p>So $x$</p>'],
])('a formula that is not closed yet is plain text while the answer grows: %s', (text, html) => {
  expect(new MarkdownStream(makeMarkdown(() => 'Copy')).update(text, true).join('').trim()).toBe(html);
});

test.each([1, 5])('an answer that grew by %d characters ends as the whole text rendered at once', (size) => {
  const whole = `${FORMULAS}\n\n**注意：**$a_1$ 花费 $5 到 $10。\n\nLast $y_1$`;
  const md = makeMarkdown(() => 'Copy');
  const stream = new MarkdownStream(md);
  for (let end = size; end < whole.length; end += size) stream.update(whole.slice(0, end), true);
  expect(stream.update(whole).join('')).toBe(md.render(whole));
});
