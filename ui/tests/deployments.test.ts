import { expect, test } from 'vitest';
import { machinesOf, missing, rowsOf, specOf, type Wanted } from '$lib/components/deployments/spec';

const row = (cards: string, name = '') => ({ here: name === '', name, cards });

test('equal machines are counted in front of their cards', () => {
  expect(machinesOf([row('8xH100-80G')])).toBe('8xH100-80G');
  expect(machinesOf([row('8xH100-80G', 'a'), row('8xH100-80G', 'b')])).toBe('2x8xH100-80G');
  expect(machinesOf([row('H100-80G', 'a'), row('H100-80G', 'b')])).toBe('2x1xH100-80G');
});

test('what the form says is what the app is asked', () => {
  const wanted: Wanted = {
    model: 'm',
    engine: 'vllm',
    precision: '',
    people: 3,
    context: 4096,
    rows: [row('L40S-48G'), row('L40S-48G', ' me@gpu ')],
    first: 'x',
    open: true,
    address: ' 10.0.0.1 ',
    name: ' R1 ',
  };
  expect(specOf(wanted)).toEqual({
    name: 'R1',
    machines: ['here', 'me@gpu'],
    open: true,
    address: '10.0.0.1',
    first: 'x',
    wish: {
      model: 'm',
      engine: 'vllm',
      machines: '2x1xL40S-48G',
      precision: null,
      context: 4096,
      sequences: 3,
      ray: false,
    },
  });
});

test('what is missing for a plan is named, the first thing first', () => {
  const wanted: Wanted = {
    model: 'm',
    engine: '',
    precision: '',
    people: 3,
    context: 4096,
    rows: [row('L40S-48G')],
    first: '',
    open: false,
    address: '',
    name: '',
  };
  expect(missing(wanted)).toBe(undefined);
  expect(missing({ ...wanted, model: '' })).toBe('model');
  expect(missing({ ...wanted, people: 0 })).toBe('people');
  expect(missing({ ...wanted, rows: [{ here: false, name: ' ', cards: '' }] })).toBe('name');
  expect(missing({ ...wanted, rows: [row(' ')] })).toBe('cards');
});

test('machines of a plan become rows and are the same machines again', () => {
  const known = [row('old', 'gpu1')];
  expect(rowsOf('2x8xH100-80G', known)).toEqual([
    { here: false, name: 'gpu1', cards: '8xH100-80G' },
    { here: false, name: '', cards: '8xH100-80G' },
  ]);
  for (const machines of ['8xH100-80G', '1xL40S-48G', '2x8xH100-80G'])
    expect(machinesOf(rowsOf(machines, []))).toBe(machines);
});
