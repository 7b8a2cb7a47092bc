// Traces of answers: what is appended, what is kept, and when a part is missing.
import { expect, test } from 'vitest';
import type { MessageView, TokenTrace } from '$lib/ipc/bindings';
import { traces } from '$lib/stores/trace.svelte';

const message = (id: string, text = ''): MessageView => ({
  id,
  parent_id: null,
  role: 'assistant',
  text,
  pictures: [],
  documents: [],
  passages: [],
  calls: [],
  boxes: [],
  reasoning: '',
  thinking_seconds: null,
  state: 'streaming',
  error: null,
  stats: null,
  siblings: [id],
  created_at: '',
});
const token = (experts: number[][]): TokenTrace => ({ text: 'a', drafted: false, rejected: null, experts });
const traced = (id: string, count: number) => ({
  kind: 'traced' as const,
  message_id: id,
  experts: null,
  tokens: Array.from({ length: count }, () => token([[1, 0], [2]])),
});

test('a continued answer appends, and tokens that are not kept are counted', () => {
  traces.begin('chat', message('a'), true);
  traces.take('chat', traced('a', 500));
  traces.begin('chat', message('a', 'so far'), true);
  traces.take('chat', traced('a', 150));
  traces.end(message('a', '# The **first** words'));
  const trace = traces.of('a');
  expect(trace?.partial).toBe(false);
  expect(trace?.total).toBe(650);
  expect([trace?.tokens[0]?.at, trace?.tokens.at(-1)?.at]).toEqual([101, 650]);
  expect(trace?.tokens[0]?.experts).toEqual([[1, 0], [2]]);
  expect([...(trace?.counts.counts ?? [])]).toEqual([650, 650, 0, 0, 0, 650]);
  expect(trace?.beginning).toBe('The first words');
});

test('an answer that was not traced from its beginning says so', () => {
  traces.begin('chat', message('b', 'so far'), true);
  traces.begin('chat', message('c'), false);
  traces.take('chat', traced('d', 1));
  traces.begin('chat', message('a', 'so far'), false);
  expect(traces.of('c')).toBeUndefined();
  expect(['a', 'b', 'd'].map((id) => traces.of(id)?.partial)).toEqual([true, true, true]);
});

test('the last few answers are kept, and none of a chat that is gone', () => {
  for (let at = 0; at < 9; at += 1) traces.begin('many', message(`m${at}`), true);
  expect(traces.of('m0')).toBeUndefined();
  expect(traces.ofChat('many').map((one) => one.number)).toEqual([2, 3, 4, 5, 6, 7, 8, 9]);
  traces.forget('many');
  expect(traces.ofChat('many')).toEqual([]);
});
