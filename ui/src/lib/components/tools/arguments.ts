// The arguments of a call: as lines where they are simple, and what is wrong with those that were typed.
// Pure.

export type Shown = { lines: [name: string, value: string][] } | { json: string };

type Plain = string | number | boolean | null;
const plain = (value: unknown): value is Plain => value === null || typeof value !== 'object';
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What a model wrote is not always JSON: then it is shown as it is. */
export function shownArguments(json: string): Shown {
  if (json.trim() === '') return { lines: [] };
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return { json };
  }
  return isObject(value) && Object.values(value).every(plain)
    ? { lines: Object.entries(value).map(([name, one]) => [name, String(one)]) }
    : { json: JSON.stringify(value, null, 2) };
}

/** For the field in which they are changed. */
export function editable(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json.trim() === '' ? '{}' : json;
  }
}

export function problemOf(text: string): 'badJson' | 'notObject' | undefined {
  try {
    return isObject(JSON.parse(text)) ? undefined : 'notObject';
  } catch {
    return 'badJson';
  }
}

/** Whether another layout is all that differs. */
export function same(one: string, other: string): boolean {
  try {
    return JSON.stringify(JSON.parse(one)) === JSON.stringify(JSON.parse(other));
  } catch {
    return one === other;
  }
}
