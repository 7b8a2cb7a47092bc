// Walks every page of a mock build in Chromium, in both languages, both themes and two sizes: no accessibility
// violation, no error on the console, no sideways scrolling; then the main steps of a chat. Pictures go to artefacts/ui.
import { existsSync, mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { launch, modelOf, preview, root } from './browser.mjs';
import * as comforts from './comforts.mjs';
import * as connect from './connect.mjs';
import { how, runAll } from './how.mjs';
import * as insides from './inside.mjs';
import * as length from './length.mjs';
import { measure, measureCloud } from './measure.mjs';
import { modelSettings, unload } from './model-settings.mjs';
import { documents, passages } from './documents.mjs';
import * as folders from './folders.mjs';
import * as shown from './pictures.mjs';
import * as prompting from './prompts.mjs';
import * as saving from './save-chat.mjs';
import * as screens from './screens.mjs';
import * as tools from './tools.mjs';
import * as waiting from './waiting.mjs';

const pictures = fileURLToPath(new URL('../../artefacts/ui/', import.meta.url));
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const PAGES = {
  welcome: ['first', '/welcome'],
  chat: ['full', '/chat/c1'],
  interrupted: ['interrupted', '/chat/c1'],
  'card-lost': ['card', '/chat/c1'],
  begin: ['full', '/chat'],
  queue: ['full', '/chat/c3', waiting.withQueue],
  temporary: ['full', '/chat', waiting.begun],
  models: ['full', '/models'],
  'models-linked': ['linked', '/models'],
  hardware: ['full', '/hardware'],
  settings: ['full', '/settings'],
  'save-chat': ['full', '/chat/c1', saving.opened],
  prompts: ['tools', '/settings/prompts'],
  'prompt-edit': ['tools', '/settings/prompts', prompting.edited],
  'prompt-picker': ['full', '/chat/c1', prompting.picker],
  'prompt-form': ['full', '/chat/c1', prompting.form],
  pictured: ['pictures', '/chat/p1'],
  documents: ['documents', '/chat/d1'],
  folders: ['folders', '/chat/c1'],
  'folder-menu': ['folders', '/chat/c1', folders.menued],
  'folder-edit': ['folders', '/chat/c1', folders.edited],
  'chats-selected': ['folders', '/chat/c1', folders.selected],
  tools: ['tools', '/settings/tools'],
  'tools-none': ['full', '/settings/tools'],
  'tools-paste': ['full', '/settings/tools', tools.pasted],
  'tool-calls': ['tools', '/chat/t1'],
  'tool-waits': ['tools', '/chat/t1', tools.waits],
  'tool-panel': ['tools', '/chat/t1', tools.panel],
  samples: ['full', '/chat?model=guide-vision'],
  connect: ['shared', '/settings/connect'],
  'connect-off': ['full', '/settings/connect'],
  'connect-plan': ['shared', '/settings/connect', connect.planned],
  'connect-steps': ['shared', '/settings/connect', connect.byHandSteps],
  'connect-left': ['shared', '/settings/connect', connect.stepsLeft],
  clouds: ['clouds', '/settings/clouds'],
  'cloud-chat': ['clouds', '/chat?model=cloud%3Adeepseek%2Fdeepseek-flash'],
  deployments: ['deployed', '/deployments'],
  'deployment-chat': ['deployed', '/chat?model=deployment%3Ad-r1'],
  shared: ['shared', '/settings'],
  unopened: ['unopened', '/chat'],
  sizing: ['full', '/sizing'],
  compare: ['clouds', '/compare'],
  how: ['full', '/how'],
  'how-all': ['full', '/how', runAll],
};
const ONCE = {
  'models-empty': ['empty', '/models'],
  'models-loading': ['slow', '/models'],
  'models-broken': ['broken', '/models'],
  'chat-broken': ['broken', '/chat/c1'],
  'hardware-loading': ['slow', '/hardware'],
  'hardware-broken': ['broken', '/hardware'],
  'welcome-loading': ['slow', '/welcome'],
  'welcome-broken': ['broken', '/welcome'],
  'deployments-empty': ['full', '/deployments'],
  'deployments-loading': ['slow', '/deployments'],
  'deployments-broken': ['broken', '/deployments'],
  'sizing-loading': ['slow', '/sizing'],
  'sizing-broken': ['broken', '/sizing'],
  'compare-broken': ['broken', '/compare'],
  'connect-loading': ['slow', '/settings/connect'],
  'connect-broken': ['broken', '/settings/connect'],
  'connect-no-model': ['empty', '/settings/connect'],
  'prompts-none': ['full', '/settings/prompts'],
  'prompts-loading': ['slow', '/settings/prompts'],
  'prompts-broken': ['broken', '/settings/prompts'],
  'tools-loading': ['slow', '/settings/tools'],
  'tools-broken': ['broken', '/settings/tools'],
  'how-loading': ['slow', '/how'],
  'how-broken': ['broken', '/how'],
  'how-empty': ['empty', '/how'],
  'begin-loading': ['slow', '/chat'],
  'hardware-old-card': ['old-card', '/hardware'],
  'welcome-old-card': ['old-card', '/welcome'],
  problems: ['problems', '/chat'],
  readonly: ['readonly', '/chat/c1'],
};
const SIZES = [
  [1280, 800],
  [800, 600],
];
const problems = [];
/** Everything; or one kind alone, all of it or what is named. */
const [kind, ...names] = process.argv.slice(2);
if (kind !== undefined && !['pages', 'pictures', 'inside', 'steps'].includes(kind))
  throw new Error('usage: pages.mjs [pages [name...] | pictures | inside | steps [name...]]');
const walks = (one) => kind === undefined || kind === one;
const asked = (name) => {
  const is = names.length === 0 || names.includes(name);
  if (is) walked.add(name);
  return is;
};
const walked = new Set();

async function open(context, address, [state, route], query = '') {
  const page = await context.newPage();
  page.on(
    'console',
    (message) => message.type() === 'error' && problems.push(`${route} ${query}: console: ${message.text()}`),
  );
  page.on('pageerror', (error) => problems.push(`${route} ${query}: ${error.message}`));
  await page.goto(`${address}/?state=${state}${query}#${route}`);
  await page.waitForSelector('main');
  if (state !== 'slow') await page.waitForSelector('main h1, main [role=alert]');
  await page.waitForTimeout(120);
  return page;
}

async function judge(page, name) {
  // A colour on its way to another is neither; what turns for ever is not waited for.
  await page.evaluate(() => {
    const ends = document
      .getAnimations()
      .filter((one) => one.effect?.getComputedTiming().iterations !== Infinity)
      .map((one) => one.finished);
    return Promise.race([Promise.allSettled(ends), new Promise((resolve) => setTimeout(resolve, 2000))]);
  });
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() =>
    window.axe.run(document, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    }),
  );
  for (const one of violations) {
    problems.push(
      `${name}: axe ${one.id}: ${one.nodes
        .slice(0, 3)
        .map((node) => `${node.target} ${node.failureSummary?.split('\n')[1] ?? ''}`)
        .join(' | ')}`,
    );
  }
  const wide = await page.evaluate(() =>
    [...document.querySelectorAll('body, main, main > *')].some((e) => e.scrollWidth > e.clientWidth + 1),
  );
  if (wide) problems.push(`${name}: scrolls sideways`);
  await page.screenshot({ path: `${pictures}${name}.png` });
}

/**
 * Walks a part, and once more where it had problems: on a computer that does other work a page can be late. What fails
 * twice is a problem; what failed once is printed.
 */
async function twice(name, part) {
  const before = problems.length;
  const attempt = () => part().catch((error) => problems.push(`${name}: ${error}`));
  await attempt();
  if (problems.length === before) return;
  console.log(`walked again: ${problems.splice(before).join('\n  ')}`);
  await attempt();
}

async function look(browser, address) {
  for (const [width, height] of SIZES) {
    const context = await browser.newContext({ viewport: { width, height } });
    for (const lang of ['en', 'zh'])
      for (const theme of ['light', 'dark'])
        for (const [name, where] of Object.entries(PAGES).filter(([name]) => asked(name)))
          await twice(`${name} ${lang} ${theme} ${width}`, async () => {
            const page = await open(context, address, where, `&lang=${lang}&theme=${theme}`);
            try {
              await where[2]?.(page);
              await judge(page, `${name}-${lang}-${theme}-${width}`);
            } finally {
              await page.close();
            }
          });
    await context.close();
  }
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  for (const [name, where] of Object.entries(ONCE).filter(([name]) => asked(name)))
    await twice(name, async () => {
      const page = await open(context, address, where, '&lang=en&theme=light');
      await judge(page, name);
      await page.close();
    });
  await context.close();
}

/** A function is asked until it holds: on a slow computer the page is a moment behind. */
async function expect(what, holds) {
  const end = Date.now() + 5_000;
  let does = typeof holds === 'function' ? await holds() : holds;
  while (!does && typeof holds === 'function' && Date.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    does = await holds();
  }
  if (!does) problems.push(`steps: ${what}`);
}

/** First run to a stopped answer, by the names a screen reader says. */
async function use(browser, address) {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    locale: 'en-US',
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  const page = await open(context, address, ['first', ''], '&lang=en');
  expect('a fresh start shows Welcome', page.url().endsWith('#/welcome'));
  await page.getByRole('button', { name: 'Try now' }).click();
  const ask = page.getByRole('list', { name: 'Suggested questions' });
  await ask.getByRole('button', { name: 'What can I do with Whaledeck?' }).waitFor();
  const notice = page.locator('[data-notice=guide]');
  await expect('the Guide says that it is tiny', async () =>
    (await notice.innerText()).startsWith('A tiny model'),
  );
  await expect(
    'its line leads to the recommended model',
    async () => await notice.getByRole('button', { name: /R1-Distill/ }).isVisible(),
  );
  const box = page.getByRole('textbox', { name: 'Your message' });
  await box.fill('你好');
  await box.dispatchEvent('keydown', { key: 'Enter', keyCode: 229 });
  await box.dispatchEvent('keydown', { key: 'Enter', isComposing: true });
  await expect(
    'Enter while composing sends nothing',
    async () => (await page.locator('article').count()) === 0,
  );
  await box.press('Enter');
  await page.getByRole('button', { name: 'Stop' }).waitFor();
  await page.locator('article[data-role=assistant][data-state=done]').waitFor({ timeout: 10_000 });
  await expect(
    'the answer shows its table',
    async () => (await page.locator('.markdown table').count()) === 1,
  );
  await box.fill('And again');
  await page.getByRole('button', { name: 'Send' }).click();
  await page.locator('article[data-state=streaming] .markdown').waitFor();
  await page.keyboard.press('Escape');
  await page.locator('article[data-state=stopped]').waitFor({ timeout: 5_000 });
  await page.getByRole('button', { name: 'Show preset panel' }).click();
  const creative = page.getByRole('button', { name: 'Creative', exact: true });
  await creative.click();
  await expect(
    'a preset stays pressed',
    async () => (await creative.getAttribute('aria-pressed')) === 'true',
  );
  await page.waitForTimeout(200);
  await judge(page, 'panel');
  await box.press('ArrowUp');
  await page.getByRole('textbox', { name: 'Edit your message' }).fill('Changed');
  await page.getByRole('button', { name: 'Send as new branch' }).click();
  await page.locator('article[data-role=user]', { hasText: 'Changed' }).waitFor();
  await page.locator('article[data-role=assistant][data-state=done]').nth(1).waitFor({ timeout: 10_000 });
  await page.keyboard.press('Control+b');
  await expect(
    'Ctrl+B hides the sidebar',
    async () => (await page.getByRole('button', { name: 'Show sidebar' }).count()) === 1,
  );
  await page.goto(page.url().replace(/#.*/, '#/models'));
  const cards = page.locator('article[data-model="deepseek-r1-distill-qwen-7b"]');
  await cards.getByRole('button', { name: 'Pause' }).click();
  await cards.getByRole('button', { name: 'Resume' }).waitFor();
  await page.locator('details').evaluateAll((all) => all.forEach((one) => (one.open = true)));
  await judge(page, 'models-details');
  await cards.screenshot({ path: `${pictures}download.png` });
  const two = page.locator('article[data-model="deepseek-r1-distill-qwen-1.5b"]');
  await two.screenshot({ path: `${pictures}precisions.png` });
  await two.getByRole('button', { name: 'Use DeepSeek-R1-Distill-Qwen-1.5B BF16' }).click();
  await two.locator('[data-precision=bf16]', { hasText: 'In use' }).waitFor();
  await two.getByRole('button', { name: 'Delete DeepSeek-R1-Distill-Qwen-1.5B Q8_0' }).click();
  await two.getByRole('group', { name: 'Delete' }).getByRole('button', { name: 'Delete' }).click();
  await two.locator('[data-precision=q8_0]').waitFor({ state: 'detached' });
  await expect(
    'deleting one precision leaves the other',
    async () => (await two.locator('[data-precision=bf16]').count()) === 1,
  );
  await context.close();
  const other = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-US' });
  const first = await open(other, address, ['first', ''], '&lang=en');
  await first.getByRole('button', { name: 'Try images' }).click();
  const chosen = first.getByRole('combobox', { name: 'Model of this chat' });
  await chosen.waitFor();
  await expect(
    'pictures are tried on the model that sees',
    async () => (await modelOf(chosen)) === 'guide-vision',
  );
  await other.close();
}

/** What a person does with pictures, as it looks in both languages, themes and sizes. */
async function pictured(browser, address) {
  for (const [width, height] of SIZES)
    for (const lang of ['en', 'zh'])
      for (const theme of ['light', 'dark']) {
        await twice(`pictures ${lang} ${theme} ${width}`, async () => {
          const context = await browser.newContext({ viewport: { width, height } });
          const page = await open(context, address, ['pictures', '/chat/p1'], `&lang=${lang}&theme=${theme}`);
          await shown.look(page, judge, `${lang}-${theme}-${width}`).finally(() => context.close());
        });
      }
}

/** The inside of an answer, as it looks in both languages, themes and sizes. */
async function insideLooks(browser, address) {
  for (const [width, height] of SIZES)
    for (const lang of ['en', 'zh'])
      for (const theme of ['light', 'dark']) {
        await twice(`inside ${lang} ${theme} ${width}`, async () => {
          const context = await browser.newContext({ viewport: { width, height } });
          const where = ['full', '/chat?model=guide'];
          const page = await open(context, address, where, `&lang=${lang}&theme=${theme}`);
          await insides.insideLook(page, judge, `${lang}-${theme}-${width}`).finally(() => context.close());
        });
      }
}

async function comfort(browser, address) {
  for (const [name, where, lookAround] of [
    ['drawn', ['full', '/chat/c1'], comforts.drawn],
    ['long', ['long', '/chat/long'], comforts.long],
    ['palette', ['full', '/chat/c1'], comforts.palette],
    ['sidebar', ['full', '/chat/c1'], comforts.sidebar],
    ['controls', ['clouds', '/chat?model=guide'], comforts.controls],
    ['imports', ['first', '/welcome'], comforts.imports],
    ['found', ['full', '/models'], comforts.found],
    ['found-none', ['empty', '/models'], comforts.foundNone],
    ['cloud', ['first', '/welcome'], comforts.cloud],
    ['deploy', ['deployed', '/deployments'], comforts.deploy],
    ['serve', ['shared', '/settings'], comforts.serve],
    ['connect', ['shared', '/settings'], connect.connecting],
    ['connect-by-hand', ['shared', '/settings/connect'], connect.byHand],
    ['connect-changed', ['shared', '/settings/connect'], connect.changed],
    ['connect-off', ['full', '/settings/connect'], connect.turnedOn],
    ['save-chat', ['full', '/chat/c1'], saving.saveChat],
    ['prompts', ['full', '/chat/c1'], prompting.prompts],
    ['mend', ['interrupted', '/chat/c1'], comforts.mend],
    ['attach', ['pictures', '/chat/p1'], shown.attach],
    ['documents', ['full', '/chat?model=guide'], documents],
    ['passages', ['documents', '/chat/d1'], passages],
    ['folders', ['folders', '/chat/c1'], folders.folders],
    ['several', ['folders', '/chat/c1'], folders.several],
    ['tool-calls', ['tools', '/chat/t1'], tools.toolCalls],
    ['tool-button', ['tools', '/chat/t1'], tools.toolButton],
    ['tool-servers', ['tools', '/settings/tools'], tools.toolServers],
    ['first-tool', ['full', '/settings'], tools.firstTool],
    ['blind', ['full', '/chat'], shown.blind],
    ['viewer', ['pictures', '/chat/p1'], shown.viewer],
    ['samples', ['first', '/welcome'], shown.samples],
    ['screen', ['pictures', '/chat/p1'], shown.screen],
    ['screen-refused', ['problems', '/chat'], shown.refused],
    ['screen-clipboard', ['clouds', '/chat'], shown.clipboard],
    ['flood', ['full', '/chat/c3'], comforts.flood],
    ['queued', ['full', '/chat?model=guide'], waiting.queued],
    ['prompt', ['full', '/chat?model=guide'], waiting.prompt],
    ['link', ['link', ''], waiting.linked],
    ['temporary-chat', ['full', '/chat?model=guide'], waiting.temporary],
    ['sizing', ['full', '/models'], screens.sizing],
    ['repository', ['full', '/models'], screens.repository],
    ['model-settings', ['full', '/models'], modelSettings],
    ['how', ['full', '/models'], how],
    ['measure', ['full', '/how'], measure],
    ['measure-cloud', ['clouds', '/how'], measureCloud],
    ['unload', ['full', '/models'], unload],
    ['inside', ['full', '/chat?model=guide'], insides.inside],
    ['inside-without', ['clouds', '/chat?model=guide'], insides.insideWithout],
    ['inside-deployed', ['deployed', '/chat?model=deployment%3Ad-r1'], insides.insideDeployed],
    ['linked', ['linked', '/models'], screens.linked],
    ['compare', ['clouds', '/compare'], screens.compare],
    ['compare-deployed', ['deployed', '/compare'], screens.compareDeployed],
    ['connections', ['full', '/settings'], screens.connections],
    ['unopened', ['unopened', '/chat'], screens.unopened],
    ['reading', ['readonly', '/chat/c1'], screens.reading],
    ['backups', ['full', '/settings'], screens.backups],
    ['changing', ['clouds', '/settings/clouds'], screens.changing],
    ['thinking', ['clouds', '/chat?model=cloud%3Adeepseek%2Fdeepseek-flash'], screens.thinking],
    ['full', ['full', '/chat?model=guide'], length.full],
    ['busy', ['full', '/chat?model=guide'], length.busy],
    ['search', ['long', '/chat'], length.search],
    ['odd', ['full', '/chat?model=guide'], length.odd],
    ['alike', ['full', '/chat?model=guide'], length.alike],
    ['room', ['old-card', '/models'], length.room],
  ].filter(([name]) => asked(name)))
    await twice(name, async () => {
      const context = await browser.newContext({
        viewport: { width: 1280, height: 800 },
        locale: 'en-US',
        permissions: ['clipboard-read', 'clipboard-write'],
      });
      try {
        const page = await open(context, address, where, '&lang=en&theme=light');
        await lookAround(page, expect, judge);
        await judge(page, `${name}-end`);
      } finally {
        await context.close();
      }
    });
}

/** The production bundle, where one was built, holds nothing of the mock host. */
function clean() {
  const folder = `${root}dist/assets/`;
  if (!existsSync(folder)) return;
  for (const file of readdirSync(folder)) {
    if (readFileSync(folder + file, 'utf8').includes('GeForce RTX 4080'))
      problems.push(`dist/assets/${file} holds the mock host`);
  }
}

mkdirSync(pictures, { recursive: true });
clean();
const { address, stop } = await preview();
const browser = await launch();
try {
  if (walks('pages')) await look(browser, address);
  if (walks('pictures')) await pictured(browser, address);
  if (walks('inside')) await insideLooks(browser, address);
  if (walks('steps')) {
    if (names.length === 0) await twice('use', () => use(browser, address));
    await comfort(browser, address);
  }
} catch (error) {
  problems.push(String(error));
} finally {
  await browser.close();
  stop();
}
for (const name of names) if (!walked.has(name)) problems.push(`${name}: no such step or page`);
const unique = [...new Set(problems)];
unique.forEach((problem) => console.error(problem));
console.log(
  unique.length === 0 ? `pages: all well; pictures in ${pictures}` : `pages: ${unique.length} problems`,
);
process.exit(unique.length === 0 ? 0 : 1);
