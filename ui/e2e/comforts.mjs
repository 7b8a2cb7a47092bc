// Steps through the comforts of the chat page: colours and formulas, a chat of 2,000 messages, the search in it, and the
// command palette. `expect(what, holds)` takes note of what does not hold.
import { chooseModel, modelOf } from './browser.mjs';
const TOP = '.view';
const articles = (page) => page.locator('article[data-message]').count();

export async function drawn(page, expect) {
  await page.locator('.hljs-keyword').first().waitFor({ timeout: 5_000 });
  await page.locator('.math[data-display] .katex-display').waitFor({ timeout: 5_000 });
  await expect('a formula is typeset', async () => (await page.locator('.math .katex').count()) === 3);
  await expect(
    'a formula has words for a screen reader',
    async () => (await page.locator('.katex math').count()) === 3,
  );
  await page.locator('.code-head button').first().click();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  expect(
    'the copy button takes the code without its colours',
    copied.startsWith('def size(parameters, bits=4.85):\n    """'),
  );
}

/** How the list behaves at 2,000 messages. */
export async function long(page, expect, picture) {
  await page.getByText('Answer 1999.').waitFor({ timeout: 5_000 });
  const most = [await articles(page)];
  const end = await page.locator(TOP).evaluate((e) => e.scrollHeight - e.scrollTop - e.clientHeight);
  expect(`a long chat opens at its end (${end} px from it)`, end < 2);
  // Up with the wheel: the page never holds many messages.
  await page.mouse.move(700, 400);
  for (let n = 0; n < 30; n += 1) {
    await page.mouse.wheel(0, -900);
    await page.waitForTimeout(16);
    most.push(await articles(page));
  }
  expect(`a long chat keeps few messages on the page (${Math.max(...most)})`, Math.max(...most) < 60);
  await expect(
    'going up stops the following',
    async () => (await page.getByRole('button', { name: 'Jump to the latest' }).count()) === 1,
  );
  const jump = await page.locator(TOP).evaluate(async (view) => {
    const all = [...view.querySelectorAll('article[data-message]')];
    const seen = all.find((e) => e.getBoundingClientRect().top > 150);
    const before = seen.getBoundingClientRect().top;
    await new Promise((done) => setTimeout(done, 400));
    return Math.abs(seen.getBoundingClientRect().top - before);
  });
  expect(`nothing moves while one reads (${jump} px)`, jump < 2);
  await page.keyboard.press('Control+f');
  const field = page.getByRole('textbox', { name: 'Find in this chat' });
  await field.fill('narwhal');
  await page.locator('.search').getByText('1 of 4').waitFor({ timeout: 2_000 });
  for (const wanted of ['Answer 501.', 'Answer 1001.', 'Answer 1501.', 'Answer 1.']) {
    await field.press('Enter');
    const article = page.locator('article.found', { hasText: wanted });
    await article.waitFor({ timeout: 3_000 });
    await page.waitForTimeout(150);
    await expect(`the search shows ${wanted}`, async () => await article.getByText('narwhal').isVisible());
    const inView = await page.evaluate(() => {
      const range = [...(CSS.highlights.get('found-now') ?? [])][0];
      const at = range?.getBoundingClientRect();
      return at !== undefined && at.top > 56 && at.bottom < innerHeight - 60;
    });
    expect(`the found word of ${wanted} is painted and in view`, inView);
    if (wanted === 'Answer 1001.') await picture(page, 'search');
  }
  await field.press('Shift+Enter');
  await page.locator('.search').getByText('4 of 4').waitFor({ timeout: 2_000 });
  await field.press('Escape');
  await expect('Esc closes the search', async () => (await page.locator('.search').count()) === 0);
  const box = page.getByRole('textbox', { name: 'Your message' });
  await box.fill('One more');
  await box.press('Enter');
  // So many messages are more than the model reads.
  await page.getByRole('button', { name: /Leave out the [\d,]+ oldest messages/ }).click();
  await page.locator('article[data-state=streaming]').waitFor({ timeout: 3_000 });
  await page
    .locator('article[data-state=done]', { hasText: 'Pick the smaller' })
    .waitFor({ timeout: 15_000 });
  await page.waitForTimeout(300);
  const left = await page.locator(TOP).evaluate((e) => e.scrollHeight - e.scrollTop - e.clientHeight);
  expect(`sending follows the answer to its end (${left} px from it)`, left < 2);
}

export async function palette(page, expect, picture) {
  const focused = (what) => what.evaluate((one) => one === document.activeElement);
  const box = page.getByRole('textbox', { name: 'Your message' });
  await box.focus();
  await page.keyboard.press('Control+k');
  await page
    .getByRole('combobox', { name: 'Commands' })
    .dispatchEvent('keydown', { key: 'Escape', isComposing: true });
  await expect(
    'the Esc of an input method does not close it',
    async () => (await page.getByRole('dialog').count()) === 1,
  );
  await page.getByRole('combobox', { name: 'Commands' }).fill('find in this');
  await page.keyboard.press('Enter');
  const find = page.getByRole('textbox', { name: 'Find in this chat' });
  await find.waitFor();
  await expect('a command may take the focus elsewhere', async () => await focused(find));
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox', { name: 'Commands' }).press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await expect('Esc gives the focus back', async () => await focused(find));
  await box.fill('And again');
  await box.press('Enter');
  await page.locator('article[data-state=streaming]').waitFor();
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox', { name: 'Commands' }).press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await expect(
    'its Esc stops no answer',
    async () => (await page.locator('article[data-state=stopped]').count()) === 0,
  );
  await page.keyboard.press('Control+k');
  const field = page.getByRole('combobox', { name: 'Commands' });
  await field.fill('theme dark');
  await picture(page, 'palette');
  await field.press('Enter');
  await page.waitForFunction(() => document.documentElement.dataset.theme === 'dark');
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox', { name: 'Commands' }).fill('preset factual');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox', { name: 'Commands' }).fill('what do the presets');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => location.hash === '#/chat/c3');
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox', { name: 'Commands' }).fill('zzz');
  await expect(
    'the palette says when nothing fits',
    async () => await page.getByText('No matching command.').isVisible(),
  );
  await page.keyboard.press('Escape');
  await expect('Esc closes the palette', async () => (await page.getByRole('dialog').count()) === 0);
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox', { name: 'Commands' }).fill('hardware');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Hardware', level: 1 }).waitFor();
}

/** A model on the disk, from Welcome and from Models: refused with a reason, then taken. */
export async function imports(page, expect, picture) {
  await page.getByRole('button', { name: 'Use a model you already have' }).click();
  await page.getByRole('button', { name: 'Choose a folder' }).click();
  await page.getByRole('alert').getByText('not_a_model', { exact: true }).waitFor({ timeout: 3_000 });
  await picture(page, 'import-refused');
  await page.getByRole('button', { name: 'Choose a .gguf file' }).click();
  await page.waitForFunction(() => location.hash === '#/chat?model=own-1');
  const model = page.getByRole('combobox', { name: 'Model of this chat' });
  await expect(
    'a file taken on Welcome is the model of the chat',
    async () => (await modelOf(model)) === 'own-1',
  );
  await page.evaluate(() => (location.hash = '#/models'));
  const card = page.locator('article[data-model=own-1]');
  await card.waitFor();
  await picture(page, 'import-card');
  await card.getByRole('button', { name: /^Remove from the list: / }).click();
  await card.getByRole('group').getByRole('button', { name: 'Remove from the list', exact: true }).click();
  await card.waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Add a model from disk' }).click();
  await page.getByRole('button', { name: 'Choose a .gguf file' }).click();
  await card.waitFor();
  await expect(
    'the choice closes once the file is there',
    async () => (await page.getByRole('button', { name: 'Choose a folder' }).count()) === 0,
  );
}

/** A model of another program is found and added by the keyboard, and taken back. */
export async function found(page, expect, picture) {
  const open = page.getByRole('button', { name: 'Find models on this computer' });
  await open.focus();
  await page.keyboard.press('Enter');
  const panel = page.getByRole('region', { name: 'Find models on this computer' });
  await panel.getByText('3 models found').waitFor();
  const rows = panel.getByRole('listitem');
  await expect('each model is a row', async () => (await rows.count()) === 3);
  await expect(
    'one that the engine does not run has its reason and no button',
    async () =>
      (await rows.last().innerText()).includes('Gemma 3') &&
      (await rows.last().getByRole('button').count()) === 0,
  );
  await expect('one that is too large says so', async () =>
    (await rows.nth(1).innerText()).includes('Too large'),
  );
  await picture(page, 'found');
  const add = panel.getByRole('button', { name: 'Add deepseek-r1:8b from Ollama' });
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  await expect(
    'Add is two steps of the keyboard away',
    async () => await add.evaluate((one) => one === document.activeElement),
  );
  await page.keyboard.press('Enter');
  await rows.first().getByText('Added', { exact: true }).waitFor();
  const card = page.locator('article[data-model=own-1]');
  await card.waitFor();
  await expect('the list stays for the next one', async () => (await rows.count()) === 3);
  await card.getByRole('button', { name: /^Remove from the list: / }).click();
  await card.getByRole('group').getByRole('button', { name: 'Remove from the list', exact: true }).click();
  await add.waitFor();
}

/** A computer without a model of another program says so, and where else to look. */
export async function foundNone(page, expect, picture) {
  await page.getByRole('button', { name: 'Find models on this computer' }).click();
  await page.getByRole('heading', { name: 'No models of other programs were found' }).waitFor();
  await picture(page, 'found-none');
  await page.getByRole('button', { name: 'Add a model from disk' }).click();
  await expect(
    'one panel is open at a time',
    async () => (await page.getByRole('region', { name: 'Find models on this computer' }).count()) === 0,
  );
}

/** An answer that was cut off goes on, and a message can be deleted. */
export async function mend(page, expect, picture) {
  await page.getByRole('button', { name: 'Continue' }).click();
  await page
    .locator('article[data-role=assistant][data-state=done]', { hasText: 'Pick the smaller' })
    .waitFor({ timeout: 15_000 });
  await expect(
    'a continued answer stays one message',
    async () => (await page.locator('article[data-role=assistant]').count()) === 1,
  );
  const said = await page.locator('article[data-role=assistant]').innerText();
  expect('a continued answer holds each part once', said.split('card runs').length === 2);
  await page.locator('article[data-role=assistant]').getByRole('button', { name: 'Delete message' }).click();
  await picture(page, 'delete-message');
  await page.getByRole('group', { name: 'Delete message' }).getByRole('button', { name: 'Delete' }).click();
  await page.locator('article[data-role=assistant]').waitFor({ state: 'detached' });
  await expect(
    'what stood before a deleted message stays',
    async () => (await page.locator('article[data-role=user]').count()) === 1,
  );
}

/** 5,000 tokens of formulas, code and lists. Processor time is measured, not the clock: a busy machine must not fail it. */
export async function flood(page, expect) {
  const tools = await page.context().newCDPSession(page);
  await tools.send('Performance.enable', { timeDomain: 'threadTicks' });
  const spent = async () => {
    const { metrics } = await tools.send('Performance.getMetrics');
    return metrics.find((one) => one.name === 'TaskDuration').value * 1000;
  };
  const box = page.getByRole('textbox', { name: 'Your message' });
  await box.fill('Flood');
  const before = await spent();
  await box.press('Enter');
  await page.locator('article[data-role=assistant][data-state=done]').waitFor({ timeout: 120_000 });
  const took = (await spent()) - before;
  await page.locator('article[data-role=assistant]').getByRole('button', { name: 'Copy message' }).click();
  const each = took / (await page.evaluate(async () => (await navigator.clipboard.readText()).length / 60));
  console.log(`a piece of a long answer takes ${each.toFixed(1)} ms of processor time`);
  expect(`a piece of a long answer is drawn within 50 ms (${each.toFixed(1)})`, each < 50);
  const left = await page.locator(TOP).evaluate((e) => e.scrollHeight - e.scrollTop - e.clientHeight);
  expect(`a long answer is followed to its end (${left} px from it)`, left < 2);
}

/** A chat of the sidebar by the keyboard: what was asked and not done gives the focus back. */
export async function sidebar(page, expect, judge) {
  const row = page.locator('nav li', { has: page.locator('[data-tool=remove]') }).first();
  const name = await row.getByRole('link').innerText();
  const tool = (does) => page.getByRole('button', { name: `${does}: ${name}` });
  const focused = (what) => what.evaluate((one) => one === document.activeElement);
  await row.getByRole('link').focus();
  await tool('Delete chat').focus();
  for (const no of ['Escape', 'Enter']) {
    await page.keyboard.press('Enter');
    const cancel = page.getByRole('group', { name: 'Delete chat' }).getByRole('button', { name: 'Cancel' });
    await cancel.waitFor();
    await expect('the way back has the focus', async () => await focused(cancel));
    await page.keyboard.press(no);
    await cancel.waitFor({ state: 'detached' });
    await expect(
      `a delete taken back with ${no} leaves the focus where it was`,
      async () => await focused(tool('Delete chat')),
    );
  }
  await tool('Rename').focus();
  for (const key of ['Escape', 'Enter']) {
    await page.keyboard.press('Enter');
    const box = page.getByRole('textbox', { name: 'New name' });
    await box.waitFor();
    await box.press(key);
    await box.waitFor({ state: 'detached' });
    await expect(
      `a name left with ${key} leaves the focus where it was`,
      async () => await focused(tool('Rename')),
    );
  }
  // Over a narrow page it is a dialog.
  await page.setViewportSize({ width: 800, height: 600 });
  const show = page.getByRole('button', { name: 'Show sidebar' });
  await show.focus();
  await page.keyboard.press('Enter');
  const over = page.getByRole('dialog', { name: 'Main' });
  await over.waitFor();
  await judge(page, 'sidebar-narrow');
  for (let n = 0; n < 40; n += 1) await page.keyboard.press(n % 2 === 0 ? 'Tab' : 'Shift+Tab');
  await page.keyboard.press('Shift+Tab');
  await expect(
    'Tab stays in it',
    async () => await over.evaluate((one) => one.contains(document.activeElement)),
  );
  await page.keyboard.press('Escape');
  await over.waitFor({ state: 'detached' });
  await expect('Esc gives the focus back', async () => await focused(show));
  await show.click();
  await over.getByRole('link', { name: 'Models' }).click();
  await page.getByRole('heading', { name: 'Models', level: 1 }).waitFor();
  await expect('what was chosen closes it', async () => (await over.count()) === 0);
  await page.keyboard.press('Control+b');
  await page.mouse.click(700, 300);
  await over.waitFor({ state: 'detached' });
  await page.keyboard.press('Control+Shift+f');
  await expect(
    'the search of all chats has the focus',
    async () => await focused(over.getByRole('searchbox')),
  );
  await page.keyboard.press('Control+n');
  await over.waitFor({ state: 'detached' });
  const box = page.getByRole('textbox', { name: 'Your message' });
  await box.waitFor();
  await expect('a new chat is where one writes', async () => await focused(box));
}

/** From the first page to a chat on a cloud service, by the keyboard; a wrong key is told and its step named. */
export async function cloud(page, expect, judge) {
  await page.getByRole('button', { name: /A cloud key/ }).focus();
  await page.keyboard.press('Enter');
  await page.waitForURL(/#\/settings\/clouds$/);
  const title = page.getByRole('heading', { name: 'Cloud keys' });
  await title.waitFor();
  await expect(
    'the section is in view and focused',
    async () =>
      await title.evaluate(
        (one) => one === document.activeElement && one.getBoundingClientRect().top < innerHeight / 2,
      ),
  );
  const add = page.getByRole('button', { name: 'Add and test' });
  await expect('nothing is added without a key', async () => await add.isDisabled());
  await page.getByLabel('Service', { exact: true }).selectOption('azure');
  const key = page.locator('#cloud-key');
  await key.fill('sk-some');
  await expect('a part in braces is to be filled in', async () => await add.isDisabled());
  await page.getByLabel('Service', { exact: true }).selectOption('deepseek');
  await key.fill('sk-wrong');
  await key.press('Enter');
  const service = page.locator('article[data-endpoint="deepseek"]');
  await service.locator('li.failed', { hasText: 'Key' }).waitFor();
  await expect('the failing step has words', async () =>
    (await service.getByRole('alert').textContent()).includes('The service refused your key'),
  );
  await expect('the page keeps no key', async () => (await key.inputValue()) === '');
  await judge(page, 'cloud-refused');
  await service.getByRole('button', { name: 'Remove DeepSeek' }).click();
  await service.getByRole('button', { name: 'Remove', exact: true }).click();
  await service.waitFor({ state: 'detached' });
  await key.fill('sk-right');
  await key.press('Enter');
  await service.locator('li.passed', { hasText: 'First token' }).waitFor();
  await judge(page, 'cloud-passed');
  await page.getByLabel('Service', { exact: true }).selectOption('custom');
  await page.locator('#cloud-address').fill('http://127.0.0.1:8000/v1');
  await add.click();
  const own = page.locator('article[data-endpoint="custom"]');
  await own
    .locator('li.absent', { hasText: 'Model list' })
    .getByText('Not offered by the service, which is fine')
    .waitFor();
  await expect(
    'what a service does without is no step that was not tried',
    async () => (await own.getByText('Not tested').count()) === 0,
  );
  await own.scrollIntoViewIfNeeded();
  await judge(page, 'cloud-without-list');
  await service.getByRole('button', { name: 'Chat on DeepSeek' }).press('Enter');
  const badge = page.getByText('Cloud: your messages leave this computer');
  await badge.waitFor();
  const box = page.getByRole('textbox', { name: 'Your message' });
  await box.fill('Hello');
  await box.press('Enter');
  await page.locator('article[data-role=assistant][data-state=done]').waitFor({ timeout: 10_000 });
  const choice = page.getByRole('combobox', { name: 'Model of this chat' });
  await expect(
    'the chat runs on the cloud',
    async () => (await modelOf(choice)) === 'cloud:deepseek/deepseek-flash',
  );
  await page.getByRole('button', { name: 'Show preset panel' }).click();
  await page.getByText('This service does not use it').nth(1).waitFor();
  await judge(page, 'cloud-answer');
  await chooseModel(choice, 'guide');
  await badge.waitFor({ state: 'detached' });
  await expect(
    'and the messages stay',
    async () => (await page.locator('article[data-role=assistant]').count()) === 1,
  );
}

/** From nothing to a running deployment that a chat offers, and its end. */
export async function deploy(page, expect, picture) {
  await page.getByRole('button', { name: 'New deployment' }).click();
  const show = page.getByRole('button', { name: 'Show the plan' });
  await expect('nothing is planned without cards', async () => await show.isDisabled());
  await expect(
    'and it says why',
    async () => await page.getByText('Enter the graphics cards of the machine').isVisible(),
  );
  await page.getByRole('button', { name: 'Detect' }).click();
  await page.getByText('No engine is installed there').waitFor({ timeout: 3_000 });
  await expect(
    'each engine has a command to copy',
    async () => (await page.getByRole('button', { name: /^Copy the command for/ }).count()) === 4,
  );
  await picture(page, 'deployment-no-engine');
  await page.getByRole('radio', { name: 'Another machine' }).check();
  await page.getByRole('textbox', { name: 'SSH name' }).fill('nobody');
  await page.getByRole('button', { name: 'Detect' }).click();
  await page.getByText('The machine cannot be reached').waitFor({ timeout: 3_000 });
  await page.getByRole('textbox', { name: 'SSH name' }).fill('gpu1');
  await page.getByRole('button', { name: 'Detect' }).click();
  await page
    .getByText('Engines: sglang 0.5.23, vllm 0.11.0 (plans are for 0.33).')
    .waitFor({ timeout: 3_000 });
  await expect(
    'the cards are filled in',
    async () =>
      (await page.getByRole('textbox', { name: 'Its graphics cards' }).inputValue()) === '8xH100-80G',
  );
  await page.getByRole('button', { name: 'Add a machine' }).click();
  await page
    .getByRole('group', { name: 'Machine 2' })
    .getByRole('textbox', { name: 'SSH name' })
    .fill('gpu2');
  await page.locator('form summary', { hasText: 'Details' }).click();
  await picture(page, 'deployment-form');
  await show.click();
  await page.getByText('16 cards share each layer').waitFor({ timeout: 3_000 });
  await expect(
    'the plan is private',
    async () => await page.getByText('Listens on this machine only').isVisible(),
  );
  await picture(page, 'deployment-plan');
  await page.getByRole('spinbutton', { name: 'How many people at once' }).fill('8');
  await expect(
    'a plan that is no longer asked for is gone',
    async () => (await page.getByText('16 cards share each layer').count()) === 0,
  );
  await show.click();
  await page.getByRole('button', { name: 'Start', exact: true }).last().click();
  const card = page.locator('article', { hasText: 'gpu1' }).last();
  await card.getByText('Ready', { exact: true }).waitFor({ timeout: 5_000 });
  const crashed = page.locator('article[data-deployment="d-14b"]');
  await expect(
    'a crash is named with its code',
    async () => (await crashed.locator('summary code').getByText('engine_died').count()) === 1,
  );
  const served = page.locator('article[data-deployment="d-r1"]');
  await served.getByText('Log', { exact: true }).click();
  await served.getByRole('log').getByText('ready to roll').first().waitFor({ timeout: 3_000 });
  await expect(
    'charts say their value',
    async () => (await served.getByRole('img', { name: /^Tokens per second: now/ }).count()) === 1,
  );
  await served.getByRole('button', { name: 'Chat with DeepSeek-R1' }).click();
  await page.locator('header').getByText('Deployment', { exact: true }).waitFor({ timeout: 3_000 });
  await page.getByText('The answer is written on gpu1, gpu2.').waitFor({ timeout: 3_000 });
  await page.goto(page.url().replace(/#.*/, '#/deployments'));
  await served.getByRole('button', { name: 'Stop DeepSeek-R1' }).click();
  await served
    .getByRole('group', { name: 'Stop' })
    .getByRole('button', { name: 'Stop', exact: true })
    .click();
  await served.getByText('Stopped', { exact: true }).waitFor({ timeout: 3_000 });
}

/** Every field lies under its name as in all forms, and not in a way of its own. */
export const sharesLooks = (form) =>
  form.evaluate((one) => {
    const fields = [...one.querySelectorAll('.field')];
    return (
      fields.length > 1 &&
      fields.every(
        (field) =>
          field.parentElement.matches('.entry') && getComputedStyle(field.parentElement).rowGap === '6px',
      )
    );
  });

/** The model for other programs: a key that is shown once, who came, and the red line that closes it. */
export async function serve(page, expect, picture) {
  const section = page.locator('section[aria-labelledby=sharing-title]');
  await expect('each field has the looks of a form', async () => await sharesLooks(section));
  await section.getByRole('textbox', { name: 'Name' }).fill('A script');
  await section.getByRole('button', { name: 'Create key' }).click();
  await section.getByText('wd-').waitFor({ timeout: 3_000 });
  await section.getByText('Recent requests', { exact: true }).click();
  await section.getByText('no valid key').waitFor({ timeout: 3_000 });
  await section.getByRole('textbox', { name: 'Name' }).scrollIntoViewIfNeeded();
  await picture(page, 'sharing');
  await section.getByRole('button', { name: 'Done' }).click();
  await expect('a key is shown once', async () => (await section.getByText('wd-').count()) === 0);
  await section.getByRole('button', { name: 'Revoke the key A script' }).click();
  await section.getByText('A script').waitFor({ state: 'detached', timeout: 3_000 });
  await expect(
    'the line names the address',
    async () => await page.getByText('Open to your network at http://192.168.1.7:8137/v1').isVisible(),
  );
  await page.getByRole('button', { name: 'Close access' }).click();
  await page.getByText('Open to your network').waitFor({ state: 'detached', timeout: 3_000 });
  await section.getByRole('checkbox', { name: 'Serve the model' }).check();
  await section.getByRole('radio', { name: 'This computer' }).check();
  await section.getByText('http://192.168.1.7').first().waitFor({ state: 'detached', timeout: 3_000 });
  await expect(
    'loopback needs no red line',
    async () => (await page.getByText('Open to your network').count()) === 0,
  );
}

/** The list of models and the sliders by the keyboard alone, as the controls of a webview go. */
export async function controls(page, expect, judge) {
  const model = page.getByRole('combobox', { name: 'Model of this chat' });
  const box = page.getByRole('textbox', { name: 'Your message' });
  await box.fill('Repeat');
  await box.press('Enter');
  await page.locator('article[data-state=streaming]').waitFor();
  await expect('no model is chosen while one answers', async () => await model.isDisabled());
  await page.keyboard.press('Escape');
  await page.locator('article[data-state=stopped]').waitFor();
  await model.focus();
  await page.keyboard.press('ArrowDown');
  const list = page.getByRole('listbox', { name: 'Model of this chat' });
  await list.waitFor();
  await expect(
    'the chosen one is marked',
    async () => (await list.locator('[data-highlighted]').getAttribute('data-value')) === 'guide',
  );
  await judge(page, 'models-open');
  await model.fill('Volcengine pro');
  await expect(
    'words narrow the list',
    async () => (await list.getByRole('option').allInnerTexts()).join() === 'deepseek-v4-pro',
  );
  await model.press('Escape');
  await list.waitFor({ state: 'detached' });
  await expect('Esc leaves what was chosen', async () => (await model.inputValue()) === 'Whaledeck Guide');
  await model.fill('none by this name');
  await page.getByText('No model by this name.').waitFor({ timeout: 3_000 });
  await model.fill('flash');
  await model.dispatchEvent('keydown', { key: 'Enter', isComposing: true });
  await expect(
    'the Enter of an input method chooses nothing',
    async () => (await modelOf(model)) === 'guide',
  );
  await page.keyboard.press('Enter');
  await list.waitFor({ state: 'detached' });
  await expect('Enter chooses', async () => (await modelOf(model)) === 'cloud:deepseek/deepseek-flash');
  await expect('and the field says its name', async () => (await model.inputValue()) === 'deepseek-flash');
  await page.getByRole('button', { name: 'Show preset panel' }).click();
  const slider = page.getByRole('slider', { name: 'Max tokens' });
  await slider.focus();
  const at = () => slider.getAttribute('aria-valuenow');
  for (const [key, value] of [
    ['ArrowRight', '256'],
    ['PageUp', '1024'],
    ['ArrowUp', '1280'],
    ['ArrowLeft', '1024'],
    ['PageDown', '256'],
    ['End', '8192'],
    ['Home', '0'],
    ['PageDown', '0'],
  ]) {
    await page.keyboard.press(key);
    await expect(`${key} moves the slider to ${value} (${await at()})`, async () => (await at()) === value);
  }
  const track = await slider.locator('xpath=..').boundingBox();
  await page.mouse.click(track.x + track.width / 2, track.y + track.height / 2);
  await expect(`a press in the middle sets half (${await at()})`, async () => (await at()) === '4096');
  await expect('and it is said in words', async () =>
    /^4,096: .*pages/.test(await slider.getAttribute('aria-valuetext')),
  );
}
