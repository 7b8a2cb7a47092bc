// What a person does while an answer is not there yet: sees how much of a long prompt is read, queues messages, takes
// them back; and a chat that is never written down.
const box = (page) => page.getByRole('textbox', { name: 'Your message' });
const done = (page) => page.locator('article[data-role=assistant][data-state=done]');

/** The composer with a queue, while an answer is being written. */
export async function withQueue(page) {
  const composer = page.locator('.composer textarea');
  await composer.fill('Flood');
  await composer.press('Enter');
  await page.locator('article[data-state=streaming]').waitFor();
  for (const text of [
    'And which of them is the largest? Say how long it is, in metres, and how much it weighs, in tonnes.',
    'Thank you!',
  ]) {
    await composer.fill(text);
    await composer.press('Enter');
  }
  await composer.fill('One more');
}

export async function queued(page, expect, judge) {
  await box(page).fill('What is a whale?');
  await box(page).press('Enter');
  await page.locator('article[data-state=streaming]').waitFor();
  for (const text of ['First', 'Second', 'Third']) {
    await box(page).fill(text);
    await page.getByRole('button', { name: 'Queue', exact: true }).click();
  }
  const queue = page.getByRole('region', { name: 'Queued messages' });
  const waiting = () => queue.getByRole('listitem').allInnerTexts();
  await expect(
    'what is sent meanwhile waits in order',
    async () => (await waiting()).join() === 'First,Second,Third',
  );
  await box(page).fill('a draft');
  const edit = queue.getByRole('button', { name: 'Edit this message' }).last();
  await expect('nothing replaces a draft', () => edit.isDisabled());
  await box(page).fill('');
  await edit.click();
  await expect('a message comes back to be edited', async () => (await box(page).inputValue()) === 'Third');
  await box(page).fill('');
  await judge(page, 'queued');
  // Only what is near the view is on the page, so each is waited for in its turn.
  for (const text of ['First', 'Second'])
    await page.locator('article[data-role=user]', { hasText: text }).waitFor({ timeout: 20_000 });
  const stop = page.getByRole('button', { name: 'Stop' });
  await stop.waitFor({ state: 'detached', timeout: 20_000 });
  await expect('the queue is gone', async () => (await queue.count()) === 0);

  // A stop is no end that the next message should follow.
  await box(page).fill('Flood');
  await box(page).press('Enter');
  await page.locator('article[data-state=streaming]').waitFor();
  await box(page).fill('After it');
  await box(page).press('Enter');
  await page.keyboard.press('Escape');
  await queue.getByText('Not sent').waitFor({ timeout: 5_000 });
  await queue.getByRole('button', { name: 'Send now' }).click();
  await page.locator('article[data-role=user]', { hasText: 'After it' }).waitFor({ timeout: 5_000 });
  await stop.waitFor({ state: 'detached', timeout: 20_000 });
}

export async function prompt(page, expect, judge) {
  await box(page).fill('Long');
  await box(page).press('Enter');
  const reading = page.getByText('Reading your message');
  await reading.waitFor({ timeout: 5_000 });
  const figure = page.getByText(/^\d+% · about .+ left$/);
  await figure.waitFor({ timeout: 5_000 });
  await expect('how far and how long', async () =>
    ['25% · about 1 min left', '50% · about 40 s left'].includes(await figure.innerText()),
  );
  await judge(page, 'prompt-read');
  await done(page).waitFor({ timeout: 15_000 });
  await expect('the figure goes with the first word', async () => (await reading.count()) === 0);
}

/** The beginning of a temporary chat. */
export async function begun(page) {
  await page.locator('header button[aria-pressed]').click();
}

export async function temporary(page, expect) {
  const toggle = page.getByRole('button', { name: 'Temporary chat' });
  await toggle.click();
  await page.getByText('Nothing of it is written to the disk').waitFor();
  await expect('it takes no files', () => page.getByRole('button', { name: 'Attach' }).first().isDisabled());
  await box(page).fill('What is a whale?');
  await box(page).press('Enter');
  await done(page).waitFor({ timeout: 10_000 });
  await expect('it cannot become another', async () => (await toggle.count()) === 0);
  await expect('and is called what it is', () =>
    page.locator('header').getByText('Temporary chat').isVisible(),
  );
  await page.keyboard.press('Control+n');
  await page.getByRole('heading', { name: 'What would you like to know?' }).waitFor({ timeout: 5_000 });
  await expect(
    'the next one is saved again',
    async () => (await toggle.getAttribute('aria-pressed')) === 'false',
  );
}

/** A link fills in and sends nothing. */
export async function linked(page, expect) {
  await expect(
    'the text of a link is in the box',
    async () => (await box(page).inputValue()) === 'What is a whale?',
  );
  await expect('nothing is sent', async () => (await page.locator('article').count()) === 0);
  await page.getByText('Nothing of it is written to the disk').waitFor();
  await page.goto(page.url().replace(/#.*/, '#/settings'));
  const tray = page.getByRole('checkbox', { name: /Keep Whaledeck in the tray/ });
  await tray.check();
  await page.getByText('Starts in the tray, without a window').waitFor();
  const login = page.getByRole('checkbox', { name: /Start at login/ });
  await login.check();
  await expect('the start at login stays', () => login.isChecked());
}
