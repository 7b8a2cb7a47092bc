// Steps through the library of prompts: one is written, inserted with what it asks for, kept from a message, and deleted.
const soon = { timeout: 20_000 };
const gone = { state: 'detached', timeout: 20_000 };

/** For the pictures: the list over the chat. */
export async function picker(page) {
  await page.locator('.composer textarea').press('/');
  await page.getByRole('dialog').getByRole('option').first().waitFor(soon);
}

/** For the pictures: what an example asks for. */
export async function form(page) {
  await picker(page);
  await page.getByRole('dialog').getByRole('option').first().click();
  await page.getByRole('dialog').locator('textarea').first().waitFor(soon);
}

/** For the pictures: a prompt that is changed. */
export async function edited(page) {
  await page.locator('[data-prompt]').first().getByRole('button').first().click();
  await page.getByRole('dialog').locator('textarea').waitFor(soon);
}

export async function prompts(page, expect, judge) {
  const box = page.getByRole('textbox', { name: 'Your message' });
  const list = page.getByRole('dialog', { name: 'Insert a prompt' });
  await box.press('/');
  await list.waitFor(soon);
  await expect(
    'the slash does not stand in the field',
    async () => (await list.getByRole('combobox').inputValue()) === '',
  );
  await page.keyboard.type('etc/passwd');
  await list.getByText('No prompt has these words.').waitFor(soon);
  await page.keyboard.press('Escape');
  await list.waitFor(gone);
  await expect('what was typed is kept', async () => (await box.inputValue()) === '/etc/passwd');
  await expect('and has the focus', async () => box.evaluate((one) => one === document.activeElement));

  await page.getByRole('button', { name: 'Insert a prompt' }).click();
  await list.getByRole('option', { name: /Save this text as a prompt/ }).click();
  const writing = page.getByRole('dialog', { name: 'New prompt' });
  await writing.waitFor(soon);
  await writing.getByLabel('Name').fill('Translate');
  await writing.getByLabel('Text').fill('On {{date}}: say {{what}} to {{whom|the whale}}.');
  await writing.getByRole('button', { name: 'Save prompt' }).click();
  await writing.getByText('Another prompt has this name').waitFor(soon);
  await judge(page, 'prompt-taken');
  await writing.getByLabel('Name').fill('Greeting');
  await writing.getByRole('button', { name: 'Save prompt' }).click();
  await writing.waitFor(gone);

  await box.fill('');
  await box.press('/');
  await page.keyboard.type('greet');
  await list.getByRole('option', { name: /Greeting/ }).waitFor(soon);
  await page.keyboard.press('Enter');
  const asking = page.getByRole('dialog', { name: 'Greeting' });
  await asking.waitFor(soon);
  await expect('the date is not asked for', async () => (await asking.getByRole('textbox').count()) === 2);
  await expect(
    'a default stands there',
    async () => (await asking.getByLabel('whom').inputValue()) === 'the whale',
  );
  await asking.getByLabel('what').fill('hello\nand bye');
  await expect('the result is shown', async () =>
    (await asking.locator('pre').innerText()).endsWith('say hello\nand bye to the whale.'),
  );
  await asking.getByLabel('what').press('Control+Enter');
  await asking.waitFor(gone);
  await expect('it stands in the field', async () =>
    (await box.inputValue()).includes('say hello\nand bye to the whale.'),
  );
  await expect('which has the focus', async () => box.evaluate((one) => one === document.activeElement));
  await box.fill('');

  const said = page.locator('article[data-role=user]').last();
  await said.hover();
  await said.getByRole('button', { name: 'Save as prompt' }).click();
  await writing.getByLabel('Name').fill('From a chat');
  await writing.getByRole('button', { name: 'Save prompt' }).click();
  await writing.waitFor(gone);

  await box.press('/');
  await list.getByRole('option', { name: /Manage prompts/ }).click();
  await page.getByRole('heading', { name: 'Prompts', level: 1 }).waitFor(soon);
  await page.getByRole('button', { name: 'Hide: Summarise' }).click();
  await page.getByRole('button', { name: 'Show hidden examples' }).click();
  await page.getByRole('button', { name: 'Hide: Summarise' }).waitFor(soon);
  await page.getByRole('button', { name: 'Save to a file' }).click();
  await page.getByText('Saved as /home/user/whaledeck-prompts.json').waitFor(soon);
  await page.getByRole('button', { name: 'Add from a file' }).click();
  await page.getByText('Prompts added: 1').waitFor(soon);
  await page.getByRole('button', { name: 'Delete: From a chat' }).click();
  await judge(page, 'prompt-delete');
  await page.getByRole('group', { name: 'Delete' }).getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('heading', { name: 'From a chat' }).waitFor(gone);
}
