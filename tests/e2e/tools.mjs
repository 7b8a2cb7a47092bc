// Tools in the real window: the reference servers and one that misbehaves are added by pasting their configuration, and a model on
// loopback calls what the question orders. Approve, refuse, edit, always, a crash, a hang that is stopped, ten megabytes.
// Screenshots go to artefacts/tools.
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { addService, page, testCloud } from './forms.mjs';
import { COMPOSER, button, freshHome } from './home.mjs';
import { Window, sleep, startDriver, until } from './webdriver.mjs';

const { WHALEDECK_BINARY, WHALEDECK_TEST_CLOUD, WHALEDECK_MCP_SERVERS, WHALEDECK_TEST_MCP } = process.env;
const KEY = 'sk-tools-4711';
const { home, environment, artefacts, picture, remove } = freshHome('tools');
const server = (name) => resolve(WHALEDECK_MCP_SERVERS, '@modelcontextprotocol', name, 'dist/index.js');
const CARD = '//*[@data-call]';
const waiting = (state) => `(${CARD}[@data-call-state="${state}"])[last()]`;

async function send(window, text) {
  await window.find(COMPOSER, 60);
  await window.type(COMPOSER, text);
  await window.click(button('Send'));
}

/** Presses a button of the call that waits, once the list of messages stands still. */
async function press(window, name) {
  await window.find(waiting('asking'), 60);
  await sleep(500);
  await window.run(`[...document.querySelectorAll('[data-call-state=asking]')].at(-1).scrollIntoView({ block: 'center' })`);
  await window.click(`${CARD}[@data-call-state="asking"]//button[normalize-space(.)="${name}"]`);
}

const ended = (window) => until('the end of the answer', async () => (await window.all(button('Stop'))).length === 0, 60);
const says = (window, what) => until(`the window says ${what}`, async () => what.test(await window.text()), 60);

async function addServers(window) {
  await page(window, 'Settings');
  await window.click(button('Manage tools'));
  await window.click(button('Paste mcpServers JSON'));
  const configuration = {
    mcpServers: {
      files: { command: process.execPath, args: [server('server-filesystem'), home] },
      everything: { command: process.execPath, args: [server('server-everything')] },
      odd: { command: resolve(WHALEDECK_TEST_MCP) },
    },
  };
  await window.run(
    `const box = document.querySelector('form.entries textarea'); box.value = arguments[0]; box.dispatchEvent(new Event('input', { bubbles: true }))`,
    JSON.stringify(configuration),
  );
  await window.click(button('Show servers'));
  await window.find('//*[contains(normalize-space(.), "Servers in this text")]', 30);
  // Nothing is chosen until a person chooses it.
  await window.run(`document.querySelectorAll('.found input[type=checkbox]').forEach((box) => box.checked || box.click())`);
  await picture(window, 'paste');
  await window.click('//button[contains(normalize-space(.), "Add 3 servers")]');
  await until('three servers run', async () => (await window.all('//*[@data-server][@data-state="ready"]')).length === 3, 120);
  await picture(window, 'servers');
}

async function calls(window) {
  writeFileSync(join(home, 'whale.txt'), 'The blue whale is the largest animal.');
  const path = JSON.stringify({ path: join(home, 'whale.txt') });
  await send(window, `call: read_text_file ${path}`);
  await window.find(waiting('asking'), 60);
  await picture(window, 'asking');
  await press(window, 'Run');
  await says(window, /The tools returned: The blue whale/);
  await ended(window);
  await picture(window, 'done');

  const file = join(home, 'new.txt');
  await send(window, `call: write_file ${JSON.stringify({ path: file, content: 'no' })}`);
  await press(window, 'Refuse');
  await says(window, /The user refused this call/);
  await ended(window);
  await send(window, `call: write_file ${JSON.stringify({ path: file, content: 'first' })}`);
  await press(window, 'Edit arguments');
  await window.run(
    `const box = [...document.querySelectorAll('[data-call] textarea')].at(-1); box.value = arguments[0]; box.dispatchEvent(new Event('input', { bubbles: true }))`,
    JSON.stringify({ path: file, content: 'changed by hand' }),
  );
  await picture(window, 'edited');
  await press(window, 'Run');
  await ended(window);
  const written = readFileSync(file, 'utf8');
  if (written !== 'changed by hand') throw new Error(`the file has ${written}`);

  await send(window, 'call: crash');
  await press(window, 'Run');
  await says(window, /The tool server ended/);
  await ended(window);
  await picture(window, 'crashed');

  await send(window, 'call: hang');
  await press(window, 'Run');
  await window.find(waiting('running'), 60);
  await window.click(button('Stop'));
  await window.find(waiting('stopped'), 60);
  await ended(window);

  await send(window, 'call: big');
  await press(window, 'Run');
  await says(window, /Result: [\d,]{9,} characters/);
  await ended(window);
  // The list of messages may still move while the long result is laid out.
  await until('more of the result', async () => {
    await window.run(`const last = [...document.querySelectorAll('[data-call] details')].at(-1); last.open = true; last.scrollIntoView({ block: 'center' })`);
    await window.click(`(${CARD})[last()]//button[normalize-space(.)="Show more"]`, 5);
    return true;
  });
  await picture(window, 'big');
  console.log('calls: run, refused, edited, crashed, stopped, ten megabytes');
}

const driver = await startDriver(environment);
const cloud = await testCloud(WHALEDECK_TEST_CLOUD, KEY);
try {
  const window = await Window.open(driver, resolve(WHALEDECK_BINARY));
  try {
    await window.find('//*[@data-action="try-now"]');
    await window.click(button('Try now'));
    await window.find(COMPOSER, 90);
    await addServers(window);
    await addService(window, picture, 'Tool caller', `${cloud.address}/v1`, KEY);
    await calls(window);
  } catch (error) {
    await picture(window, 'failed').catch(() => {});
    throw error;
  }
  await window.close();
  console.log(`tools in the window; pictures in ${artefacts}`);
} finally {
  driver.stop();
  cloud.end();
  remove();
}
