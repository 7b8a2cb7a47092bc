// Steps through the page that connects programs: a plan that is written and taken back, steps by hand, a file that changed
// meanwhile, a vault with the web origin it needs, and the server that is off at first.
const row = (page, id) => page.locator(`[data-program="${id}"]`);
const gone = { state: 'detached', timeout: 20_000 };

/** For the pictures: the changes of a file. */
export async function planned(page) {
  await row(page, 'codex').locator('.head button').first().click();
  await row(page, 'codex').locator('[data-plan] .lines').waitFor({ timeout: 20_000 });
  await row(page, 'codex').evaluate((one) => one.scrollIntoView({ block: 'start' }));
}

async function made(page, id) {
  await row(page, id).locator('.head button').first().click();
  await row(page, id).locator('[data-plan] .row button').first().click();
  await row(page, id).locator('[data-done]').waitFor({ timeout: 20_000 });
  await row(page, id).evaluate((one) => one.scrollIntoView({ block: 'start' }));
}

/** For the pictures: all that is done by hand. */
export const byHandSteps = (page) => made(page, 'open-webui');

/** For the pictures: what is left after a file was written. */
export const stepsLeft = (page) => made(page, 'zed');

/** From Settings to a program that is connected, and back. */
export async function connecting(page, expect, judge) {
  await page.getByRole('button', { name: 'Connect programs' }).click();
  await page.getByRole('heading', { name: 'Connect your programs', level: 1 }).waitFor({ timeout: 20_000 });
  await expect('the window has its title', async () => (await page.title()).startsWith('Connect'));
  await expect(
    'the served model is chosen',
    async () => (await page.getByLabel('Model', { exact: true }).inputValue()) === 'guide',
  );
  await expect('settings with an old address are told', async () =>
    row(page, 'zed').getByText('has another address now').isVisible(),
  );
  const codex = row(page, 'codex');
  await codex.getByText('Not connected').waitFor({ timeout: 20_000 });
  await codex.getByRole('button', { name: 'Show changes: Codex' }).click();
  const lines = codex.getByRole('region', { name: /^Changes of .*config\.toml$/ });
  await lines.waitFor({ timeout: 20_000 });
  await expect('each line has a sign', async () => {
    const signs = await lines.locator('[data-line=added], [data-line=removed]').allInnerTexts();
    return signs.length === 11 && signs.every((text) => /^[+−]/.test(text));
  });
  await expect('long lines scroll by themselves', async () =>
    lines.evaluate((one) => one.scrollWidth > one.clientWidth + 100),
  );
  await codex.getByText('Added: 10 lines. Removed: 1 line.').waitFor({ timeout: 20_000 });
  await codex.getByRole('button', { name: 'Cancel' }).click();
  await lines.waitFor(gone);
  await codex.getByRole('button', { name: 'Show changes: Codex' }).click();
  await lines.waitFor({ timeout: 20_000 });
  await page.getByLabel('Model', { exact: true }).selectOption('deepseek-r1-distill-qwen-1.5b');
  await lines.waitFor(gone);
  await page.getByText('This model is not loaded now').waitFor({ timeout: 20_000 });
  // The plan is for that model, and is shown again with it.
  await page.getByLabel('Model', { exact: true }).selectOption('guide');
  await codex.getByRole('button', { name: 'Write these settings' }).click();
  await codex.getByText('The settings were written to').waitFor({ timeout: 20_000 });
  await codex.getByText('Codex is ready to use').waitFor({ timeout: 20_000 });
  await codex.getByText('Connected', { exact: true }).waitFor({ timeout: 20_000 });
  await expect('what was written has the focus', async () =>
    page.evaluate(() => document.activeElement?.closest('[data-done]') !== null),
  );
  await codex.getByRole('button', { name: 'Done' }).click();
  await codex.getByRole('button', { name: 'Show changes: Codex' }).click();
  await codex.getByText('There is nothing to write').waitFor({ timeout: 20_000 });
  await codex.getByRole('button', { name: 'Cancel' }).click();

  await codex.getByRole('button', { name: 'Undo: Codex' }).click();
  const asked = codex.getByRole('group', { name: 'Undo' });
  await asked.getByRole('button', { name: 'Cancel' }).click();
  await expect('it can stay', async () => codex.getByText('Connected', { exact: true }).isVisible());
  await codex.getByRole('button', { name: 'Undo: Codex' }).click();
  await asked.getByRole('button', { name: 'Undo' }).click();
  await codex.getByText('What was there before is back').waitFor({ timeout: 20_000 });
  await codex.getByText('Not connected').waitFor({ timeout: 20_000 });

  const opencode = row(page, 'opencode');
  await opencode.getByText('Uses Whaledeck Guide').waitFor({ timeout: 20_000 });
  await opencode.getByRole('button', { name: 'Undo: OpenCode' }).click();
  await judge(page, 'connect-undo');
  await opencode.getByRole('group', { name: 'Undo' }).getByRole('button', { name: 'Undo' }).click();
  await opencode.getByText('provider.whaledeck.options.timeout').waitFor({ timeout: 20_000 });
  await judge(page, 'connect-undone');

  const obsidian = row(page, 'obsidian');
  await expect(
    'a vault comes first',
    async () => (await obsidian.getByRole('button', { name: 'Show changes: Obsidian' }).count()) === 0,
  );
  await obsidian.getByRole('button', { name: 'Choose vault' }).click();
  await obsidian.getByText('/home/user/models/odd').waitFor({ timeout: 20_000 });
  await obsidian.getByRole('button', { name: 'Show changes: Obsidian' }).click();
  await obsidian.getByText('Then left to do by hand: 1 step.').waitFor({ timeout: 20_000 });
  await obsidian.getByRole('button', { name: 'Write these settings' }).click();
  await obsidian.getByText('Quit the program and start it again.').waitFor({ timeout: 20_000 });
  await judge(page, 'connect-origin');
  await obsidian.getByRole('button', { name: 'Allow app://obsidian.md' }).click();
  await obsidian.getByText('Allowed', { exact: true }).waitFor({ timeout: 20_000 });
  await page.getByRole('button', { name: 'Back to Settings' }).click();
  const origins = page.getByLabel('Web origins');
  await expect(
    'the origin is in the settings',
    async () => (await origins.inputValue()) === 'app://obsidian.md',
  );
  await origins.fill('app://obsidian.md\nexample.com');
  await origins.press('Tab');
  await page.getByText('Write each with its scheme').waitFor({ timeout: 20_000 });
  await origins.fill('app://obsidian.md\n https://example.com/ \n');
  await origins.press('Tab');
  await page.getByText('Write each with its scheme').waitFor(gone);
  await expect(
    'origins are kept as a browser writes them',
    async () => (await origins.inputValue()) === 'app://obsidian.md\nhttps://example.com',
  );
}

/** A program without a file: a key, then steps. */
export async function byHand(page, expect) {
  const webui = row(page, 'open-webui');
  await webui.getByText('Set up by hand').waitFor({ timeout: 20_000 });
  await webui.getByRole('button', { name: 'Show steps: Open WebUI' }).click();
  await webui.getByText('no file is changed').waitFor({ timeout: 20_000 });
  await expect('no key is made yet', async () => !(await page.content()).includes('wd-'));
  await webui.getByRole('button', { name: 'Create key and show steps' }).click();
  const steps = webui.getByRole('list', { name: 'Steps for Open WebUI' });
  await steps.waitFor({ timeout: 20_000 });
  await expect('each step is there', async () => (await steps.locator('> li').count()) === 5);
  await webui.getByText('The key is shown only now').waitFor({ timeout: 20_000 });
  await steps.getByRole('button', { name: 'Copy the key' }).click();
  await expect('the key is copied', async () =>
    (await page.evaluate(() => navigator.clipboard.readText())).startsWith('wd-'),
  );
  await steps.getByRole('button', { name: 'Copy the command' }).first().click();
  await expect('the command is copied whole', async () =>
    (await page.evaluate(() => navigator.clipboard.readText())).endsWith('open-webui:main'),
  );
  await webui.getByText('Has a key').waitFor({ timeout: 20_000 });
  await webui.getByRole('button', { name: 'Done' }).click();
  await expect('a key is shown once', async () => !(await page.content()).includes('wd-'));
}

/** A file that changed after it was shown, and one that cannot be read. */
export async function changed(page, expect) {
  const one = row(page, 'continue');
  await one.getByRole('button', { name: 'Show changes: Continue' }).click();
  await one.getByRole('button', { name: 'Write these settings' }).click();
  const alert = one.getByRole('alert');
  await alert.waitFor({ timeout: 20_000 });
  await expect(
    'nothing was written',
    async () =>
      (await one.getByText('Not connected').isVisible()) && (await one.locator('.lines').count()) === 0,
  );
  await alert.getByRole('button', { name: 'Show changes' }).click();
  await one.getByRole('button', { name: 'Write these settings' }).click();
  await one.getByText('Choose this model:').waitFor({ timeout: 20_000 });
  await expect('the error is gone', async () => (await alert.count()) === 0);
  await row(page, 'vscode').getByRole('button', { name: 'Show changes: VS Code' }).click();
  await row(page, 'vscode').getByRole('alert').waitFor({ timeout: 20_000 });
}

/** The server is off: it is turned on here. */
export async function turnedOn(page, expect) {
  const changes = row(page, 'codex').getByRole('button', { name: 'Show changes: Codex' });
  await expect('nothing is connected to what is off', async () => await changes.isDisabled());
  await page.getByRole('button', { name: 'Turn on' }).click();
  await page.getByRole('region', { name: 'Local API server' }).waitFor(gone);
  await expect('programs can be connected now', async () => await changes.isEnabled());
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox', { name: 'Commands' }).fill('settings');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Settings', level: 1 }).waitFor({ timeout: 20_000 });
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox', { name: 'Commands' }).fill('connect your');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Connect your programs', level: 1 }).waitFor({ timeout: 20_000 });
}
