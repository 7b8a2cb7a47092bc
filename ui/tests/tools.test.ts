// The pure parts of the tools: where calls stand in an answer, how arguments are shown and checked, and what
// a form makes of its lines.
import { expect, test } from 'vitest';
import { editable, problemOf, same, shownArguments } from '$lib/components/tools/arguments';
import { mayTakeFocus } from '$lib/components/tools/focus';
import { commandLine, linesOf, rowsOf, secretsOf } from '$lib/components/tools/spec';
import { turnsOf } from '$lib/components/tools/turns';
import { visible } from '$lib/components/tools/visible';

const at = (id: string, text_before: number, reasoning_before = 0) => ({ id, text_before, reasoning_before });
const ids = (calls: { id: string }[]) => calls.map(({ id }) => id).join();

test('an answer without calls is one turn', () => {
  expect(turnsOf('Text', 'Thought', [])).toEqual([{ reasoning: 'Thought', text: 'Text', calls: [] }]);
});

test('calls stand between the parts of a text, in UTF-16 code units', () => {
  const [first, second, last] = ['看 🐋🐋 鲸。', '再看 👩‍🔬。', 'Done.'] as const;
  const turns = turnsOf(first + second + last, '', [at('a', first.length), at('b', (first + second).length)]);
  expect(turns.map(({ text, calls }) => [text, ids(calls)])).toEqual([
    [first, 'a'],
    [second, 'b'],
    [last, ''],
  ]);
});

test('calls at one place are one group, also before any text', () => {
  const turns = turnsOf('So.', '', [at('a', 0), at('b', 0)]);
  expect(turns.map(({ text, calls }) => [text, ids(calls)])).toEqual([
    ['', 'a,b'],
    ['So.', ''],
  ]);
});

test('thoughts are parted where the calls were made, and part the calls', () => {
  const turns = turnsOf('Answer', '想一想🐋再想', [at('a', 0, 3), at('b', 0, 5)]);
  expect(turns.map(({ reasoning, text, calls }) => [reasoning, text, ids(calls)])).toEqual([
    ['想一想', '', 'a'],
    ['🐋', '', 'b'],
    ['再想', 'Answer', ''],
  ]);
});

test('nothing is lost or said twice, wherever a call says that it stands', () => {
  const text = '0123456789';
  for (const places of [[4, 2, 9], [99], [10, 10, 3], [0, 0]]) {
    const turns = turnsOf(
      text,
      '',
      places.map((place, n) => at(String(n), place)),
    );
    expect(turns.map((turn) => turn.text).join('')).toBe(text);
    expect(turns.flatMap((turn) => turn.calls)).toHaveLength(places.length);
  }
});

test('simple arguments are lines, others are JSON, and what is no JSON stays as it is', () => {
  expect(shownArguments('{"path":"a\\nb","most":3,"all":true,"no":null}')).toEqual({
    lines: [
      ['path', 'a\nb'],
      ['most', '3'],
      ['all', 'true'],
      ['no', 'null'],
    ],
  });
  expect(shownArguments('{}')).toEqual({ lines: [] });
  expect(shownArguments('')).toEqual({ lines: [] });
  expect(shownArguments('{"in":{"a":[1]}}')).toEqual({
    json: '{\n  "in": {\n    "a": [\n      1\n    ]\n  }\n}',
  });
  expect(shownArguments('[1]')).toEqual({ json: '[\n  1\n]' });
  expect(shownArguments('print(1')).toEqual({ json: 'print(1' });
});

test('changed arguments are checked before they are sent', () => {
  expect(problemOf('{"a": "鲸"}')).toBeUndefined();
  expect(problemOf('{"a": 1,}')).toBe('badJson');
  expect(problemOf('')).toBe('badJson');
  for (const text of ['[1]', '"a"', '3', 'null']) expect(problemOf(text)).toBe('notObject');
  expect(editable('{"a":1}')).toBe('{\n  "a": 1\n}');
  expect(editable(' ')).toBe('{}');
  expect(editable('print(1')).toBe('print(1');
  expect(same('{"a":1}', '{\n  "a": 1\n}')).toBe(true);
  expect(same('{"a":1}', '{"a":2}')).toBe(false);
  expect(same('print(1', '{}')).toBe(false);
});

test('a form gives the arguments by line and keeps what is stored', () => {
  expect(linesOf(' -y \r\n\n a b \n')).toEqual(['-y', 'a b']);
  const rows = rowsOf([
    { name: 'KEPT', value: null },
    { name: 'GIVEN', value: 'x' },
  ]);
  expect(secretsOf(rows)).toEqual([
    { name: 'KEPT', value: null },
    { name: 'GIVEN', value: 'x' },
  ]);
  // Under another name nothing is stored, and a row without a name is none.
  const [kept] = rows;
  expect(
    kept &&
      secretsOf([
        { ...kept, name: 'OTHER' },
        { ...kept, name: ' ' },
      ]),
  ).toEqual([{ name: 'OTHER', value: '' }]);
});

test('a command is shown as it would be typed', () => {
  const command = (args: string[]) =>
    commandLine({ kind: 'stdio', command: 'npx', args, folder: '', env: [] });
  expect(command(['-y', 'a b', '', '"'])).toBe('npx -y "a b" "" "\\""');
  expect(commandLine({ kind: 'http', url: 'https://a.example/mcp', headers: [] })).toBe(
    'https://a.example/mcp',
  );
});

test('what appears takes the focus only from nobody or from an empty text field', () => {
  const field = (value: string, inComposer = true) => ({
    tagName: 'TEXTAREA',
    value,
    closest: () => (inComposer ? {} : null),
  });
  expect(mayTakeFocus(null)).toBe(true);
  expect(mayTakeFocus({ tagName: 'BODY', closest: () => null })).toBe(true);
  expect(mayTakeFocus(field(''))).toBe(true);
  expect(mayTakeFocus(field('And'))).toBe(false);
  expect(mayTakeFocus(field('', false))).toBe(false);
  expect(mayTakeFocus({ tagName: 'BUTTON', closest: () => null })).toBe(false);
});

test('letters that turn the direction of a text are seen', () => {
  expect(visible('rm \u202ea b\u2066')).toBe('rm \\u202ea b\\u2066');
  expect(visible('看 👩‍🔬')).toBe('看 👩‍🔬');
});
