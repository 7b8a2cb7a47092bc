import { expect, test } from 'vitest';
import { sends } from '$lib/kit/keys';
import { frequencyWord, temperatureWord } from '$lib/components/chat/words';
import { en } from '$lib/i18n/catalogue';
import { hrefOf, parseRoute, type Route } from '$lib/router/route';

test.each<Route>([
  { page: 'welcome' },
  { page: 'models' },
  { page: 'deployments' },
  { page: 'hardware' },
  { page: 'compare' },
  { page: 'how' },
  { page: 'sizing', model: null },
  { page: 'sizing', model: 'deepseek-r1' },
  { page: 'settings' },
  { page: 'settings', section: 'clouds' },
  { page: 'settings', section: 'connect' },
  { page: 'settings', section: 'tools' },
  { page: 'chat', id: null, model: null },
  { page: 'chat', id: 'a/b ?#', model: null },
  { page: 'chat', id: null, model: 'guide' },
  { page: 'chat', id: 'c1', model: null, message: 'm 1', find: '鲸 & ship?' },
])('the address of %o leads back to it', (route) => expect(parseRoute(hrefOf(route))).toEqual(route));

test.each(['', '#', '#/', '#/nowhere', '#/chat/%E0%A4%A'])('%s is the chat page', (hash) => {
  expect(parseRoute(hash)).toEqual({ page: 'chat', id: null, model: null });
});

const press = (change: object) => ({
  key: 'Enter',
  ctrlKey: false,
  metaKey: false,
  shiftKey: false,
  isComposing: false,
  keyCode: 13,
  ...change,
});

test('Enter sends, except while composing, with Shift, or when the setting says no', () => {
  expect(sends(press({}), true)).toBe(true);
  expect(sends(press({ isComposing: true }), true)).toBe(false);
  expect(sends(press({ keyCode: 229 }), true)).toBe(false);
  expect(sends(press({ keyCode: 229, ctrlKey: true }), true)).toBe(false);
  expect(sends(press({ shiftKey: true }), true)).toBe(false);
  expect(sends(press({}), false)).toBe(false);
  expect(sends(press({ ctrlKey: true }), false)).toBe(true);
  expect(sends(press({ key: 'a' }), true)).toBe(false);
});

test('every slider value has a word', () => {
  for (let value = 0; value <= 1.5; value += 0.05) {
    expect(en.panel.temperatureWords[temperatureWord(value)]).toBeTruthy();
    expect(en.panel.frequencyWords[frequencyWord(value)]).toBeTruthy();
  }
});
