// The program at home on a desktop: a tray on the session bus, links that a second start brings, the start at login.
// The desktop is `test-desktop`. Pictures go to artefacts/desktop.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

import { page } from './forms.mjs';
import { COMPOSER, button, freshHome } from './home.mjs';
import { Window, sleep, startDriver, until } from './webdriver.mjs';

const { WHALEDECK_BINARY, WHALEDECK_TEST_DESKTOP } = process.env;
const { home, environment, picture, remove } = freshHome('desktop');
// The entry of the start at login is in the home, whatever the folder of configuration is.
environment.HOME = home;
const binary = resolve(WHALEDECK_BINARY);
const box = (label) => `//label[contains(normalize-space(.), "${label}")]//input`;
const shows = (window, text) => until(`"${text}"`, async () => (await window.text()).includes(text), 30);
const typed = (window) => window.run(`return document.querySelector('textarea').value`);

/** The desktop, and what it was told. */
async function desktop() {
  const child = spawn(resolve(WHALEDECK_TEST_DESKTOP), { stdio: ['pipe', 'pipe', 'inherit'] });
  const told = [];
  createInterface({ input: child.stdout }).on('line', (line) => told.push(JSON.parse(line)));
  const heard = (what, holds) => until(what, () => told.find(holds), 60);
  await heard('the desktop', (one) => one.ready);
  const order = (line) => child.stdin.write(`${line}\n`);
  return { heard, order, told, stop: () => child.kill() };
}

/** A second start, which ends at once and leaves everything to the first. */
async function again(link) {
  const child = spawn(binary, [link], { env: environment, stdio: 'inherit' });
  const code = await new Promise((ended) => child.on('exit', ended));
  if (code !== 0) throw new Error(`the second start ended with ${code}`);
}

const around = await desktop();
const driver = await startDriver(environment);
try {
  const window = await Window.open(driver, binary);
  await window.click(button('Try now'));
  await window.find(COMPOSER, 60);

  // A link fills in and sends nothing.
  await again('whaledeck://new?text=What%20is%20a%20whale%3F&temporary=1');
  await until('the text of the link', async () => (await typed(window)) === 'What is a whale?');
  await shows(window, 'Nothing of it is written to the disk');
  await again('whaledeck://delete/everything');
  await again('whaledeck://models?search=owner/name');
  await until('the page of models', async () => (await window.run('return location.hash')) === '#/models');
  await until('the name in the search', async () => (await window.run(`return [...document.querySelectorAll('input')].some((one) => one.value === 'owner/name')`)));

  // The tray.
  await page(window, 'Settings');
  await window.click(box('Keep Whaledeck in the tray'));
  await around.heard('the tray', (one) => one.item !== undefined);
  await window.click(box('Start at login'));
  const entry = join(home, '.config', 'autostart', 'whaledeck.desktop');
  const text = await until('the entry of the start at login', () => existsSync(entry) && readFileSync(entry, 'utf8'));
  if (!text.includes(`${binary} --hidden`)) throw new Error(`the start at login: ${text}`);
  await picture(window, 'settings');
  around.order('menu Temporary chat');
  await shows(window, 'Nothing of it is written to the disk');
  around.order('menu New chat');
  await until('a new chat that is saved', async () => !(await window.text()).includes('Nothing of it is written to the disk'));
  await window.run('window.__stays = true');
  around.order('activate');

  // Quitting ends it: the driver's session has nothing to ask any more.
  around.order('menu Quit');
  await until('the end of the program', () => window.text().then(() => false, () => true), 30);
  console.log(around.told.map((one) => JSON.stringify(one)).join('\n'));
} finally {
  driver.stop();
  around.stop();
}
// The web process may still write into its cache.
await sleep(2000);
remove();
