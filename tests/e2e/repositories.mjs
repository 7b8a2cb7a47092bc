// Any repository from the real window: the test hub's R1 in shards in subfolders down to an answer, eight precisions of which one is
// in the cache of Hugging Face, a vision projector, a gate without and with its token, and a file with a wrong hash. Pictures go to
// artefacts/repositories.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

import { COMPOSER, button, freshHome } from './home.mjs';
import { Window, sleep, startDriver, until } from './webdriver.mjs';

const binary = resolve(process.env.WHALEDECK_BINARY);
const { environment, artefacts, picture, remove } = freshHome('repositories');
delete environment.HF_TOKEN;
for (const name of ['HF_HOME', 'HF_HUB_CACHE', 'HUGGINGFACE_HUB_CACHE']) delete environment[name];
Object.assign(environment, { HOME: environment.XDG_DATA_HOME, NO_PROXY: '*' });

const FIELD = '//*[@id="search"]//input[@type="text"]';
const group = (name) => `//*[@data-group="${name}"]`;
const card = (repository) => `//*[@data-download="${repository}"]`;
const has = (window, words, seconds) => until(words, async () => (await window.text()).includes(words), seconds);

/** The test hub in a process of its own, and its addresses. */
async function startHub() {
  const hub = spawn(resolve(process.env.WHALEDECK_TEST_HUB), ['--published', 'tests/fixtures'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const line = await new Promise((found) => createInterface({ input: hub.stdout }).once('line', found));
  return { hub, addresses: JSON.parse(line) };
}

/** A file of a repository in the cache of Hugging Face, as its client stores it. */
async function cache(address, repository, file) {
  const answer = await fetch(`${address}/${repository}/resolve/main/${file}`);
  const bytes = Buffer.from(await answer.arrayBuffer());
  const folder = join(environment.XDG_CACHE_HOME, 'huggingface/hub', `models--${repository.replace('/', '--')}`, 'blobs');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, createHash('sha256').update(bytes).digest('hex')), bytes);
}

/** Types what a person types for a repository, in the panel of Models. */
async function look(window, text) {
  if (!(await window.all(FIELD)).length) await window.click(button('Find a model'));
  await window.find(FIELD);
  await window.run(`const box = document.querySelector('#search input[type=text]'); box.value = ''; box.dispatchEvent(new Event('input', { bubbles: true }))`);
  await window.type(FIELD, `${text}\uE007`);
}

/** The verdict of every listed precision is that of its own header. */
const checked = (window) =>
  until('the verdict of every precision', () =>
    window.run(`return document.querySelectorAll('[data-group]').length > 0 && ![...document.querySelectorAll('[data-group] [role=status]')].length`),
  );

async function models(window) {
  // The first page is Welcome, and on a busy computer it comes late.
  await until('a page', async () => (await window.all(button('Try now'))).length + (await window.all('//a[normalize-space(.)="Models"]')).length > 0, 60);
  const start = await window.all(button('Try now'));
  if (start.length) {
    await window.click(button('Try now'));
    await window.find(COMPOSER, 60);
  }
  await window.click('//a[normalize-space(.)="Models"]');
}

async function answers(window, model) {
  await window.click(`//*[@data-model="${model}"]//button[starts-with(@aria-label, "Chat with")]`, 60);
  await window.find(COMPOSER, 60);
  await window.type(COMPOSER, 'Hello');
  await window.click(button('Send'));
  // Weights are random: what is written means nothing, and is stopped after a while.
  await until('an answer', () => window.run(`return (document.querySelector('[data-role=assistant]')?.innerText ?? '').trim().length > 3`), 90);
  const stop = await window.all(button('Stop'));
  if (stop.length) await window.click(button('Stop')).catch(() => {});
  await until('the end of the answer', async () => (await window.all(button('Stop'))).length === 0, 60);
  await picture(window, `answer-${model}`);
}

/** The id of the model that a download made. */
const added = (window, before) =>
  until(
    'the model in the list',
    () => window.run(`return [...document.querySelectorAll('[data-model^="own-"]')].map((one) => one.dataset.model).find((id) => !arguments[0].includes(id))`, before),
    90,
  );

async function withoutToken(window) {
  await models(window);
  await look(window, 'makers/DeepSeek-R1-GGUF');
  await window.find(`${group('UD-IQ1_S')}//button`);
  await checked(window);
  await picture(window, 'r1');
  await window.click(`${group('UD-IQ1_S')}//button`);
  const r1 = await added(window, []);
  await answers(window, r1);

  await models(window);
  await look(window, 'makers/coder-GGUF');
  await window.find(group('UD-Q4_K_XL'));
  await checked(window);
  const count = await window.run(`return document.querySelectorAll('[data-group]').length`);
  if (count !== 8) throw new Error(`${count} precisions instead of 8`);
  await picture(window, 'eight-precisions');
  await window.click(`${group('Q8_0')}//button`);
  const linked = await added(window, [r1]);
  await until('that it is linked', () => window.run(`return document.querySelector('[data-model="' + arguments[0] + '"]').innerText.includes('linked from Hugging Face')`, linked));
  await picture(window, 'linked');

  await look(window, `${addresses.hugging_face}/makers/coder-GGUF/blob/main/mmproj-F16.gguf`);
  await has(window, 'This file is only the vision part of a model');
  await picture(window, 'projector');
  await look(window, 'makers/gated-GGUF');
  await has(window, 'This model requires permission');
  await has(window, 'HF_TOKEN');
  if ((await window.all(`${group('Q8_0')}//button`)).length) throw new Error('what is not granted can be downloaded');
  await picture(window, 'gate');

  await look(window, 'makers/damaged-GGUF');
  await window.click(`${group('Q8_0')}//button`);
  await window.find(card('makers/damaged-GGUF/Q8_0'));
  await has(window, 'A downloaded file is damaged', 60);
  await picture(window, 'wrong-hash');
  await window.close();
}

async function withToken(window) {
  await models(window);
  await look(window, 'makers/gated-GGUF');
  await window.find(`${group('Q8_0')}//button`);
  const before = await window.run(`return [...document.querySelectorAll('[data-model^="own-"]')].map((one) => one.dataset.model)`);
  await window.click(`${group('Q8_0')}//button`);
  await answers(window, await added(window, before));
  await window.close();
}

const { hub, addresses } = await startHub();
const started = [];
try {
  mkdirSync(environment.WHALEDECK_DATA, { recursive: true, mode: 0o700 });
  writeFileSync(join(environment.WHALEDECK_DATA, 'settings.toml'), `version = 1\nhugging_face_endpoint = "${addresses.hugging_face}"\nmodel_scope_endpoint = "${addresses.model_scope}"\n`);
  await cache(addresses.hugging_face, 'makers/coder-GGUF', 'Coder-Q8_0.gguf');
  for (const [walk, more] of [
    [withoutToken, {}],
    [withToken, { HF_TOKEN: 'granted' }],
  ]) {
    const driver = await startDriver({ ...environment, ...more });
    started.push(driver);
    const window = await Window.open(driver, binary);
    await window.find('//h1|//main');
    await walk(window).catch(async (error) => {
      await picture(window, 'failed').catch(() => {});
      throw error;
    });
    driver.stop();
    await sleep(500);
  }
  console.log(`every repository does as it should; pictures in ${artefacts}`);
} finally {
  for (const driver of started) driver.stop();
  hub.kill();
  remove();
}
