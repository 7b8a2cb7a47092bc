// Steps through the dialog that saves a chat to a file or prints it.

/** For the pictures: the dialog over the chat that is open. */
export async function opened(page) {
  await page.keyboard.press('Control+k');
  const label = page.url().includes('lang=zh') ? '对话另存为' : 'Save chat as';
  await page.getByRole('dialog').getByRole('combobox').fill(label);
  await page.keyboard.press('Enter');
  await page.getByRole('dialog', { name: label }).waitFor({ timeout: 20_000 });
}

/** Every format from the list of chats, then the printer. */
export async function saveChat(page, expect, judge) {
  const row = page.locator('nav li', { has: page.locator('[data-tool=remove]') }).first();
  const fromMenu = async () => {
    await row.hover();
    await row.getByRole('button', { name: /^More for/ }).click();
    await page.getByRole('menuitem', { name: /^Save chat as/ }).click();
  };
  await fromMenu();
  const dialog = page.getByRole('dialog', { name: 'Save chat as' });
  await dialog.waitFor({ timeout: 20_000 });
  await expect('the format has the focus', async () =>
    dialog.getByRole('radio', { name: 'HTML' }).evaluate((one) => one === document.activeElement),
  );
  await dialog.getByRole('button', { name: 'Save', exact: true }).click();
  await dialog.getByText(/^Saved as \/home\/user\/.*\.html$/).waitFor({ timeout: 20_000 });
  await dialog.getByRole('radio', { name: 'Word' }).check();
  await expect(
    'another format was not saved yet',
    async () => (await dialog.getByText(/^Saved as/).count()) === 0,
  );
  await dialog.getByRole('radio', { name: 'All branches' }).check();
  await dialog.getByRole('button', { name: 'Save', exact: true }).click();
  await dialog.getByText(/\.docx$/).waitFor({ timeout: 20_000 });
  await judge(page, 'save-chat-saved');
  await dialog.getByRole('radio', { name: 'File for Whaledeck' }).check();
  await expect(
    'such a file has all branches',
    async () => (await dialog.getByRole('radio', { name: 'All branches' }).count()) === 0,
  );
  await dialog.getByRole('button', { name: 'Save', exact: true }).click();
  await dialog.getByText(/\.json$/).waitFor({ timeout: 20_000 });
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached', timeout: 20_000 });

  await page.evaluate(() => {
    window.printed = 0;
    window.print = () => (window.printed += 1);
  });
  await fromMenu();
  await dialog.getByRole('radio', { name: 'Print or PDF' }).check();
  await dialog.getByRole('button', { name: 'Print', exact: true }).click();
  await expect('the printer is asked', async () => (await page.evaluate(() => window.printed)) === 1);
  const paper = page.locator('body > [data-print]');
  await expect('the screen shows nothing of it', async () => !(await paper.isVisible()));
  await page.emulateMedia({ media: 'print' });
  await expect('the paper has the chat', async () => paper.locator('main h1').isVisible());
  await expect('the paper has nothing else', async () => !(await page.locator('#app').isVisible()));
  await page.screenshot({
    path: new URL('../../artefacts/ui/save-chat-paper.png', import.meta.url).pathname,
  });
  await page.emulateMedia({ media: 'screen' });
  // Chromium says that it has printed, too.
  const pages = await page.pdf();
  await expect('it is more than a blank page', () => pages.length > 5_000);
  await page.evaluate(() => window.dispatchEvent(new Event('afterprint')));
  await expect('it is taken away', async () => (await paper.count()) === 0);
}
