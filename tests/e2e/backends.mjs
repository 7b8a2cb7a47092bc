// The same chat from the real window on everything that can answer: the embedded worker, a llama-server that the window starts
// from a plan, `transformers serve`, and a cloud of the tests. Each is chosen as a person would; those that the caller has not named
// are left out, and that is said. Screenshots go to artefacts/backends.
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

import { addService, choose, fill, open, page, testCloud } from './forms.mjs';
import { COMPOSER, button, freshHome } from './home.mjs';
import { Window, sleep, startDriver, until } from './webdriver.mjs';

const { WHALEDECK_BINARY, WHALEDECK_LLAMA_SERVER, WHALEDECK_GUIDE_GGUF, WHALEDECK_TEST_CLOUD, WHALEDECK_TRANSFORMERS, WHALEDECK_TRANSFORMERS_MODEL } = process.env;
const QUESTION = 'Which DeepSeek model should I run on a 24 GB GPU?';
const KEY = 'sk-window-4711';
const { home, environment, artefacts, picture, remove } = freshHome('backends');

/** Sends the question in the chat in view, and waits for the whole answer. */
async function ask(window, name, expected) {
  await window.find(COMPOSER, 60);
  await window.type(COMPOSER, QUESTION);
  await window.click(button('Send'));
  await until(`the answer of ${name}`, async () => expected.test((await window.text()).split(QUESTION).at(-1)), 90);
  await until(`the end of the answer of ${name}`, async () => (await window.all(button('Stop'))).length === 0, 90);
  const failed = await window.all('//main//*[@role="alert"]');
  if (failed.length) throw new Error(`${name} answered with an error: ${await window.text()}`);
  await sleep(300);
  await picture(window, name);
  console.log(`answered: ${name}`);
}

async function embedded(window) {
  await window.click(button('Try now'));
  await ask(window, 'worker', /14B|32B/);
}

/** A plan for llama-server on this computer, whose files are where llama-server keeps what it fetched. */
async function llamaServer(window) {
  await page(window, 'Deployments');
  await window.click(button('New deployment'));
  await window.find('//*[@id="new-model"]/option[@value="deepseek-r1-distill-qwen-7b"]');
  await choose(window, 'new-model', 'deepseek-r1-distill-qwen-7b');
  await fill(window, 'new-people', '1');
  await window.type('//input[@placeholder="8xH100-80G"]', 'RTX-4090-24G');
  await open(window, 'Details');
  await choose(window, 'new-engine', 'llama-server');
  await choose(window, 'new-context', '4096');
  await fill(window, 'new-name', 'Lab');
  await fill(window, 'new-first', `PATH=${dirname(resolve(WHALEDECK_LLAMA_SERVER))}:$PATH; LLAMA_CACHE=${join(home, 'hub')}; LLAMA_ARG_OFFLINE=1; export PATH LLAMA_CACHE LLAMA_ARG_OFFLINE`);
  await window.click(button('Show the plan'));
  await window.find('//*[@id="new-plan"]');
  const [, repo, precision] = /--hf-repo\s+'?([\w./-]+):([\w-]+)/.exec(await window.run('return document.body.textContent'));
  keep(repo, precision);
  await picture(window, 'llama-server-plan');
  await window.click(button('Start'));
  try {
    await window.click(button('Chat with Lab'), 90);
    await ask(window, 'llama-server', /GB|R1|Distill|DeepSeek/);
    await page(window, 'Deployments');
    await until('its numbers', async () => /Tokens per second/.test(await window.text()));
    await sleep(2500);
    await picture(window, 'llama-server-measured');
  } finally {
    await page(window, 'Deployments');
    await window.click(button('Stop Lab'));
    await window.click('//*[@role="group"]//button[normalize-space(.)="Stop"]');
    await window.find(button('Start Lab'), 60);
  }
}

/** The Guide where llama-server looks for the files of a plan. */
function keep(repo, precision) {
  const place = join(home, 'hub', `models--${repo.replace('/', '--')}`);
  const commit = '0123456789'.repeat(4);
  mkdirSync(join(place, 'refs'), { recursive: true });
  writeFileSync(join(place, 'refs/main'), commit);
  mkdirSync(join(place, 'snapshots', commit), { recursive: true });
  symlinkSync(resolve(WHALEDECK_GUIDE_GGUF), join(place, 'snapshots', commit, `model-${precision}.gguf`));
}

async function cloud(window) {
  const { address, end } = await testCloud(WHALEDECK_TEST_CLOUD, KEY);
  try {
    await addService(window, picture, 'Contract cloud', `${address}/v1`, KEY);
    await ask(window, 'cloud', /A whale 是鲸。/);
  } finally {
    end();
  }
}

async function transformers(window) {
  await addService(window, picture, 'Transformers', `${WHALEDECK_TRANSFORMERS}/v1`, '', WHALEDECK_TRANSFORMERS_MODEL);
  await ask(window, 'transformers', /GB|R1|Distill|DeepSeek/);
}

const parts = [
  ['the embedded worker', embedded, WHALEDECK_BINARY],
  ['llama-server', llamaServer, WHALEDECK_LLAMA_SERVER && WHALEDECK_GUIDE_GGUF],
  ['the contract cloud', cloud, WHALEDECK_TEST_CLOUD],
  ['transformers serve', transformers, WHALEDECK_TRANSFORMERS],
];
const driver = await startDriver(environment);
try {
  const window = await Window.open(driver, resolve(WHALEDECK_BINARY));
  await window.find('//*[@data-action="try-now"]');
  for (const [name, part, there] of parts) {
    if (there) await part(window).catch(async (error) => {
      await picture(window, 'failed').catch(() => {});
      throw error;
    });
    else console.log(`not run here: ${name}`);
  }
  await window.close();
  console.log(`the same chat on each; pictures in ${artefacts}`);
} finally {
  driver.stop();
  remove();
}
