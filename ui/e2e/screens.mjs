// Steps through "Can I run it?" with its plans, Compare, and the settings of connections. `expect(what, holds)` takes note
// of what does not hold, `judge(page, name)` looks at the page and takes a picture.
import { chooseModel, modelOf } from './browser.mjs';
import { sharesLooks } from './comforts.mjs';

/** From a model that is too large to a plan for machines that hold it. */
export async function sizing(page, expect, judge) {
  const card = page.locator('article[data-model="deepseek-r1"]');
  await card.getByRole('button', { name: 'What would run it' }).click();
  await page.getByRole('heading', { name: 'Can I run it?', level: 1 }).waitFor();
  await expect(
    'the model of the card is chosen',
    async () => (await page.getByLabel('Model', { exact: true }).inputValue()) === 'deepseek-r1',
  );
  const here = page.getByRole('region', { name: 'This computer' });
  await here.getByText('Too large').waitFor();
  await expect(
    'each part has words and a number',
    async () =>
      (await here.getByText(/Experts \d+ GB/).count()) === 1 &&
      (await here.getByText(/Conversations [\d.]+ [GM]B/).count()) === 1,
  );
  for (const [length, room] of [
    ['131072', '9.2 GB'],
    ['32768', '2.3 GB'],
  ]) {
    await page.getByLabel('Length of a conversation').selectOption(length);
    await here.getByText(`Conversations ${room}`).waitFor();
  }
  const byName = page.getByRole('region', { name: 'Other hardware' });
  await byName.getByText('8xH100-80G').waitFor();
  await expect('eight H100 are too small', async () => await byName.getByText('Too small').isVisible());
  await byName.getByLabel('Machines').fill('2');
  await byName.getByLabel('Machines').press('Tab');
  await byName.getByText('2x8xH100-80G').waitFor();
  await expect('sixteen hold it', async () => await byName.getByText('Holds it').isVisible());
  await byName.getByLabel('Cards per machine').fill('99');
  await byName.getByLabel('Cards per machine').press('Tab');
  await expect(
    'a count out of range is told',
    async () => await byName.getByText('From 1 to 64 machines').isVisible(),
  );
  await byName.getByLabel('Cards per machine').fill('8');
  await byName.getByLabel('Cards per machine').press('Tab');
  const table = page.getByRole('region', { name: 'Graphics cards that hold it' }).first();
  await expect(
    'cards on which no engine runs FP8 are not among those that hold it',
    async () => (await table.getByRole('rowheader', { name: 'T4 16G' }).count()) === 0,
  );
  await expect(
    'an engine that runs it alone is named',
    async () =>
      await table
        .getByRole('row', { name: /A100 80G/ })
        .getByText('with vLLM only')
        .isVisible(),
  );
  await page.getByText(/^Cards that do not hold it/).click();
  await page.getByText('No engine runs FP8').first().waitFor();
  await expect('wrong tables are flagged', async () => await page.getByText('512 GB for FP8').isVisible());
  await page.getByRole('button', { name: 'Save as image (SVG)' }).click();
  await page.getByText('Saved as /home/user/deepseek-r1-fp8.svg').waitFor();
  await page.getByRole('button', { name: 'Save as table (CSV)' }).click();
  await page.waitForTimeout(50);
  await expect(
    'a closed dialog saves nothing',
    async () => (await page.getByText(/^Saved as/).count()) === 1,
  );
  await judge(page, 'sizing-all');

  await byName.getByRole('button', { name: /^Plan / }).click();
  const plan = page.getByRole('article', { name: /DeepSeek-R1 FP8 on 2x8xH100-80G/ });
  await plan.waitFor();
  await expect(
    'each word has its reason',
    async () =>
      await plan.getByText('16 cards share each layer: 8 of 128 attention heads on each card.').isVisible(),
  );
  await expect(
    'numbers of a reason are grouped',
    async () => await plan.getByText(/cache for 440,467 tokens/).isVisible(),
  );
  await expect('SGLang comes first', async () => (await page.getByLabel('Engine').inputValue()) === 'sglang');
  await expect(
    'a plan is for the machine alone',
    async () => await plan.getByText('Listens on this machine only').isVisible(),
  );
  await plan.getByRole('button', { name: 'Copy machine-1.sh' }).click();
  await expect('a script is copied whole', async () =>
    (await page.evaluate(() => navigator.clipboard.readText())).includes('--node-rank 1'),
  );
  await plan.getByRole('button', { name: 'Kubernetes' }).click();
  await plan.getByRole('button', { name: 'Save sglang-deepseek-r1.yaml' }).click();
  await plan.getByText('Saved as /home/user/sglang-deepseek-r1.yaml').waitFor();
  await judge(page, 'plan');
  const machines = page.getByRole('textbox', { name: 'Machines', exact: true });
  await machines.fill('banana');
  await machines.press('Enter');
  await page.getByRole('alert').getByText('This value is not allowed').waitFor();
  await machines.fill('8xH100-80G');
  await machines.press('Enter');
  await page.getByText('There is no plan for this').waitFor();
  await expect(
    'the refusal has its numbers',
    async () => await page.getByText(/684 GB < 689 GB/).isVisible(),
  );
  await judge(page, 'plan-none');
  await page.getByRole('button', { name: 'Use this: 2x8xH100-80G · FP8 · sglang' }).click();
  await plan.waitFor();
  await page.getByRole('button', { name: 'Start it on your machines' }).click();
  await page.getByRole('heading', { name: 'New deployment' }).waitFor();
  await expect(
    'the plan comes along',
    async () =>
      (await page.getByRole('textbox', { name: 'Its graphics cards' }).nth(1).inputValue()) === '8xH100-80G',
  );
  await expect(
    'the model comes along',
    async () => (await page.locator('#new-model').inputValue()) === 'deepseek-r1',
  );
  await page.goBack();
  await plan.waitFor();
  await page.getByLabel('Model', { exact: true }).selectOption('deepseek-r1-distill-qwen-14b');
  await page.waitForURL(/#\/sizing\/deepseek-r1-distill-qwen-14b$/);
  await here.getByText('Runs on the RTX 4080', { exact: true }).waitFor();
  await expect(
    'another model puts the plan away',
    async () => (await page.getByText('A plan for other machines').count()) === 0,
  );
}

/** Two answers side by side: one ends, one is cut off; then both are stopped. */
export async function compare(page, expect, judge) {
  const question = page.getByLabel('Your question');
  const ask = page.getByRole('button', { name: 'Ask both' });
  await expect('nothing is asked without a question', async () => await ask.isDisabled());
  await expect(
    'each field has the looks of a form',
    async () => await sharesLooks(page.getByRole('region', { name: 'Compare' })),
  );
  const [left, right] = ['Left', 'Right'].map((name) => page.getByLabel(name, { exact: true }));
  const leaves = (side) =>
    side.locator('xpath=..').getByText('Your question leaves this computer', { exact: true }).count();
  await expect(
    `a model of this computer is on the left (${await modelOf(left)})`,
    async () => (await modelOf(left)) === 'guide',
  );
  await expect(
    `a cloud is on the right (${await modelOf(right)})`,
    async () => (await modelOf(right)) === 'cloud:deepseek/deepseek-flash',
  );
  await expect('a cloud is marked', async () => (await leaves(right)) === 1);
  await expect('and this computer is not', async () => (await leaves(left)) === 0);
  await question.fill('Which model for 24 GB?');
  await ask.click();
  const sides = page.locator('article[data-side-state]');
  await page.locator('article[data-side-state=done]').nth(1).waitFor({ timeout: 20_000 });
  await expect('times are told', async () => (await sides.getByText(/^\d+\.\d+ s$/).count()) === 4);
  await expect(
    'this computer costs nothing',
    async () => await sides.first().getByText('None: runs on this computer').isVisible(),
  );
  await expect(
    'a price has its date and source',
    async () =>
      await sides
        .nth(1)
        .getByText(/as of 2026-11-20 · https:/)
        .isVisible(),
  );
  await judge(page, 'compare-done');
  await chooseModel(left, 'cloud:deepseek/deepseek-v4-pro');
  await expect('each cloud is marked', async () => (await leaves(left)) === 1 && (await leaves(right)) === 1);
  await question.press('Enter');
  await page.locator('article[data-side-state=failed]').waitFor({ timeout: 20_000 });
  await expect(
    'what had arrived stays beside the error',
    async () => await page.locator('article[data-side-state=failed]').getByText('card runs').isVisible(),
  );
  await page.locator('article[data-side-state=done]').waitFor({ timeout: 20_000 });
  await expect(
    'a price that is not known is said',
    async () => await page.locator('article[data-side-state=failed]').getByText('Unknown').isVisible(),
  );
  await judge(page, 'compare-cut');
  await chooseModel(left, 'guide');
  await expect('this computer is no cloud', async () => (await leaves(left)) === 0);
  await question.fill('Which model for 24 GB? Tell me slowly.');
  await question.press('Enter');
  await page.locator('article[data-side-state=running] .markdown').first().waitFor();
  await page.keyboard.press('Escape');
  await page.locator('article[data-side-state=stopped]').nth(1).waitFor({ timeout: 5_000 });
}

/** A deployment stands against this computer: it stays chosen, it is no cloud, and neither side waits for the other. */
export async function compareDeployed(page, expect) {
  const right = page.getByLabel('Right', { exact: true });
  await expect(
    `a deployment is on the right (${await modelOf(right)})`,
    async () => (await modelOf(right)) === 'deployment:d-r1',
  );
  await chooseModel(right, 'guide-vision');
  await expect(
    'two models of this computer take turns',
    async () => await page.getByText('Both run on this computer').isVisible(),
  );
  await chooseModel(right, 'deployment:d-r1');
  await page.getByText('Both run on this computer').waitFor({ state: 'detached' });
  await expect('it stays chosen', async () => (await modelOf(right)) === 'deployment:d-r1');
  await expect(
    'it is no cloud',
    async () => (await page.getByText('Your question leaves this computer').count()) === 0,
  );
  await page.getByLabel('Your question').fill('Which model for 24 GB?');
  await page.getByRole('button', { name: 'Ask both' }).click();
  await page.locator('article[data-side-state=done]').nth(1).waitFor({ timeout: 20_000 });
  const side = page.locator('article[data-side-state]').nth(1);
  await expect(
    'it has its name',
    async () => (await side.getByRole('heading').innerText()) === 'DeepSeek-R1 · sglang',
  );
  await expect(
    'it costs nothing elsewhere',
    async () => await side.getByText('None: runs on your machines').isVisible(),
  );
}

export async function connections(page, expect, judge) {
  const section = page.getByRole('region', { name: 'Connections' });
  await section.getByLabel('Custom').check();
  const address = section.getByLabel('Address of the proxy');
  for (const wrong of ['proxy:8080', 'http://me:secret@proxy:1', 'ftp://proxy']) {
    await address.fill(wrong);
    await address.press('Tab');
    await section.getByText('no user name or password', { exact: false }).waitFor();
  }
  await address.fill('socks5h://127.0.0.1:1080');
  await address.press('Tab');
  await page.getByText('Saved', { exact: true }).waitFor();
  const login = section.getByRole('group', { name: 'User name and password of the proxy' });
  await login.getByRole('button', { name: 'Enter' }).click();
  await login.getByLabel('User name').fill('me');
  const keep = login.getByRole('button', { name: 'Save' });
  await expect('a name without a password is not kept', async () => await keep.isDisabled());
  await login.getByLabel('Password').fill('marked');
  await judge(page, 'connections-login');
  await keep.click();
  await login.getByText('As me').waitFor();
  await expect('the page holds no password', async () => !(await page.content()).includes('marked'));
  await section.getByRole('button', { name: 'Choose a file' }).click();
  await section.getByText('/etc/ssl/company.pem').waitFor();
  await section.scrollIntoViewIfNeeded();
  await judge(page, 'connections');
  await login.getByRole('button', { name: 'Delete' }).click();
  await login.getByText('None. Most proxies need none.').waitFor();
  await section.getByRole('button', { name: 'Use system certificates only' }).click();
  await section.getByText('System certificates only').waitFor();
  await section.getByLabel('System settings').check();
  await address.waitFor({ state: 'detached' });
}

export async function changing(page, expect, judge) {
  const service = page.locator('article[data-endpoint=deepseek]');
  await service.getByRole('button', { name: 'Change DeepSeek' }).click();
  const form = service.getByRole('form', { name: 'Change DeepSeek' });
  const keep = form.getByRole('button', { name: 'Save and test' });
  await expect('nothing changed is nothing to keep', async () => await keep.isDisabled());
  await form.getByLabel('Address', { exact: true }).fill('https://elsewhere.example');
  await form.getByText('A key is only sent to the server it was added for', { exact: false }).waitFor();
  await judge(page, 'cloud-change');
  await keep.click();
  await service.getByText('This value is not allowed').waitFor();
  await form.getByLabel('New key').fill('sk-marked-wrong');
  await keep.click();
  await service.getByText('Failed').waitFor();
  await expect('the page holds no key', async () => !(await page.content()).includes('marked'));
  await service.getByRole('button', { name: 'Change DeepSeek' }).click();
  await form.getByLabel('New key').fill('sk-marked');
  await form.getByLabel('Name in this app').fill('Mine');
  await keep.click();
  const mine = page.locator('article[data-endpoint=deepseek]').getByRole('heading', { name: 'Mine' });
  await mine.waitFor();
  await service.getByText('Passed').first().waitFor();
}

export async function thinking(page, expect, judge) {
  await page.getByRole('button', { name: 'Show preset panel' }).click();
  const panel = page.getByRole('complementary', { name: 'Chat panel' });
  const group = panel.getByRole('group', { name: 'Thinking' });
  await expect(
    'nothing is chosen for the model at first',
    async () =>
      (await group.getByRole('button', { name: 'Model default' }).getAttribute('aria-pressed')) === 'true',
  );
  await panel.getByText('does not use it while the model thinks').first().waitFor();
  await judge(page, 'thinking');
  await group.getByRole('button', { name: 'Answer directly' }).click();
  await panel
    .getByText('does not use it while the model thinks')
    .first()
    .waitFor({ state: 'detached', timeout: 10_000 });
}

/** Chats that cannot be opened: trying again changes nothing here, reading only says so on every page, and a way back leads on. */
export async function unopened(page, expect, judge) {
  await page.getByRole('heading', { name: 'Your chats are not open' }).waitFor();
  await page.getByText('is damaged').waitFor();
  await expect(
    'the file is named',
    async () => await page.getByText('File: /home/user/.local/share/whaledeck/history.db').isVisible(),
  );
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByRole('heading', { name: 'Your chats are not open' }).waitFor();
  await page.getByRole('button', { name: 'Open read-only' }).click();
  await page.getByText('Read-only: nothing can be sent.').waitFor();
  const box = page.getByRole('textbox', { name: 'Your message' });
  await box.fill('Hello');
  await expect(
    'nothing is sent',
    async () => await page.getByRole('button', { name: 'Send', exact: true }).isDisabled(),
  );
  await judge(page, 'unopened-read-only');
}

/** Chats that are open for reading only: read, copied and searched, and nothing that would change them. */
export async function reading(page, expect, judge) {
  await page.getByText('Read-only: nothing can be sent.').waitFor();
  await expect(
    'the reason is said',
    async () => await page.getByRole('status').getByText('Not enough space on the disk. Delete').isVisible(),
  );
  const answer = page.locator('article[data-role=assistant]').last();
  for (const name of ['Regenerate', 'Delete message', 'Next version'])
    await expect(
      `${name} is not offered`,
      async () => await answer.getByRole('button', { name }).isDisabled(),
    );
  await expect(
    'an answer can be copied',
    async () => await answer.getByRole('button', { name: 'Copy message' }).isEnabled(),
  );
  await expect(
    'the model stays',
    async () => await page.getByRole('combobox', { name: 'Model of this chat' }).isDisabled(),
  );
  const row = page.locator('nav li', { has: page.locator('[data-tool=remove]') }).first();
  await row.hover();
  for (const name of [/^Rename/, /^Delete chat/])
    await expect(`${name} is not offered`, async () => await row.getByRole('button', { name }).isDisabled());
  await row.getByRole('button', { name: /^More for/ }).click();
  await expect(
    'a chat can be saved as a file',
    async () => await page.getByRole('menuitem', { name: /^Save chat as/ }).isEnabled(),
  );
  await page.keyboard.press('Escape');
  await judge(page, 'reading');
  await page.getByRole('button', { name: 'New chat' }).click();
  await expect(
    'no question is offered',
    async () => await page.getByRole('button', { name: 'What can I do with Whaledeck?' }).isDisabled(),
  );
}

/** A backup is made, asked about, and put back. */
export async function backups(page, expect, judge) {
  const section = page.locator('section[aria-labelledby=backups-title]');
  await section.getByText('Daily').first().waitFor();
  await section.getByRole('button', { name: 'Back up now' }).click();
  await section.getByText('Made by you').waitFor();
  const restore = section.getByRole('button', { name: /^Restore the backup of/ });
  await expect('each has its way back', async () => (await restore.count()) === 4);
  await restore.nth(1).click();
  await section.getByText('Your current chats are kept as a backup.').waitFor();
  await judge(page, 'backups-question');
  await page.keyboard.press('Escape');
  await expect(
    'Esc asks no more',
    async () => (await section.getByText('Your current chats are kept as a backup.').count()) === 0,
  );
}

/** Any repository: found by a word, its precisions judged, one of them downloaded, and a text that names none. */
export async function repository(page, expect, judge) {
  await page.getByRole('button', { name: 'Find a model' }).click();
  const find = page.getByRole('region', { name: 'Find a model' });
  const text = find.getByLabel('Any model of Hugging Face or ModelScope');
  await text.fill('no such model');
  await text.press('Enter');
  await find.getByText('Nothing was found.', { exact: false }).waitFor();
  await text.fill('deepseek');
  await find.getByRole('button', { name: 'Search', exact: true }).click();
  const name = 'unsloth/DeepSeek-R1-Distill-Qwen-14B-GGUF';
  await find.getByText('Access on request').waitFor();
  await judge(page, 'repository-hits');
  await find.getByRole('button', { name: 'Show precisions of bartowski' }).click();
  await find.getByText('HF_TOKEN', { exact: false }).first().waitFor();
  await expect('one gate is told once', async () => (await find.getByRole('alert').count()) === 1);
  await judge(page, 'repository-gated');
  await find.getByRole('button', { name: 'Back to the results' }).click();
  await find.getByRole('button', { name: `Show precisions of ${name}` }).click();
  const checking = find.getByText('Checking', { exact: true });
  await expect('the others are being checked', async () => (await checking.count()) === 2);
  await judge(page, 'repository-checking');
  await find.locator('[data-group=TQ1_0]', { hasText: 'does not read this precision' }).waitFor();
  await find.locator('[data-group=Q6_K]', { hasText: 'A part of the model is missing' }).waitFor();
  await expect('every precision has its own verdict', async () => (await checking.count()) === 0);
  await expect(
    'the verdict of another precision is not kept',
    async () =>
      (await find.locator('[data-group=Q6_K]').getByRole('button', { name: 'Download' }).count()) === 0,
  );
  await expect(
    'what cannot run has no download',
    async () =>
      (await find.locator('[data-group=TQ1_0]').getByRole('button', { name: 'Download' }).count()) === 0,
  );
  await judge(page, 'repository');
  await find
    .locator('[data-group=Q4_K_M]')
    .getByRole('button', { name: `Download ${name} Q4_K_M` })
    .click();
  await page.locator(`[data-download="${name}/Q4_K_M"]`).waitFor();
  await expect('the search is put away', async () => !(await find.isVisible()));
}

/** Files of other programs: what is linked is said, what is gone or changed is no downloaded model, and a deletion leaves them. */
export async function linked(page, expect, judge) {
  const model = page.locator('[data-model="deepseek-r1-distill-qwen-1.5b"]');
  await model.getByText('3.6 GB linked from Hugging Face').waitFor();
  await model.getByText('A linked file of this model is missing').waitFor();
  const gone = model.locator('[data-precision=q8_0]');
  await gone.getByText('Incomplete').waitFor();
  await expect('what is gone is not ready', async () => (await gone.getByText('Ready').count()) === 0);
  const found = page.locator('[data-found="Hugging Face"]');
  await found
    .getByText('2 files (4.3 GB) already on this computer (Hugging Face): linked, 0 bytes fetched')
    .waitFor();
  await page.getByText('2 of 4 files verified').first().click();
  await page.getByText('Linked, 0 bytes fetched', { exact: true }).first().waitFor();
  await judge(page, 'linked-files');
  const own = page.locator('[data-model=own-linked]');
  await own.getByText('A linked file of this model has changed').waitFor();
  await expect(
    'a changed model cannot be asked',
    async () => (await own.getByRole('button', { name: 'Chat' }).count()) === 0,
  );
  await own.getByRole('button', { name: 'Delete' }).click();
  await own.getByText('the files of LM Studio stay', { exact: false }).waitFor();
  await judge(page, 'linked-delete');
  await own.getByRole('button', { name: 'Cancel' }).click();
  await own.getByRole('button', { name: 'Download again' }).click();
  await page.locator('[data-download="lmstudio-community/DeepSeek-R1-0528-Qwen3-8B-GGUF/Q4_K_M"]').waitFor();
}
