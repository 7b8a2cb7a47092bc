// Steps through folders of chats and several chats at once: by the pointer and by the keyboard. `expect(what, holds)` takes
// note of what does not hold.
const file = (name) => ({
  name,
  mimeType: 'text/plain',
  buffer: Buffer.from('Ellen Voss opened the harbour.'),
});
const focused = (what) => what.evaluate((one) => one === document.activeElement);
const folder = (page, name) =>
  page.locator('[data-folder]', { has: page.getByRole('button', { name: new RegExp(`^${name}`) }) });
const listMenu = (page) => page.getByRole('button', { name: 'Actions for the list of chats' });

/** For the looks: the dialog of a folder with a document. */
export async function edited(page) {
  const line = page.locator('[data-notice=folder]');
  await line.getByRole('button').click();
  await page.getByRole('dialog').waitFor();
}

/** For the looks: the sidebar with a selection, in a narrow window over the page. */
export async function selected(page) {
  if ((await page.locator('#chats-menu').count()) === 0)
    await page.locator('main header button').first().click();
  await page.locator('#chats-menu').click();
  await page.getByRole('menuitem').nth(1).click();
  await page.locator('nav input[type=checkbox]').nth(1).check();
}

/** For the looks: the open menu of a folder. */
export async function menued(page) {
  if ((await page.locator('#chats-menu').count()) === 0)
    await page.locator('main header button').first().click();
  await page.locator('[data-folder=f-town] .more').click();
  await page.getByRole('menu').waitFor();
}

export async function folders(page, expect, judge) {
  const town = folder(page, 'Town council');
  await expect(
    'the folder of the open chat is open',
    async () => (await town.getByRole('link').count()) === 2,
  );
  const line = page.locator('[data-notice=folder]');
  await expect('the chat says what of its folder is used', async () =>
    (await line.innerText()).includes('its instructions and 1 document are used'),
  );
  await town.getByRole('button', { name: /^Town council/ }).click();
  await expect('a folder folds away', async () => (await town.getByRole('link').count()) === 0);
  await town.getByRole('button', { name: /^Town council/ }).press('Enter');
  await expect('and opens by the keyboard', async () => (await town.getByRole('link').count()) === 2);

  // A new one, by the keyboard alone.
  await listMenu(page).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('menuitem', { name: 'New folder…' }).waitFor();
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog', { name: 'New folder' });
  const name = dialog.getByRole('textbox', { name: 'Name' });
  await name.waitFor();
  await expect('its name is where one writes', async () => await focused(name));
  await expect(
    'a folder has a name',
    async () => await dialog.getByRole('button', { name: 'Create' }).isDisabled(),
  );
  await name.fill('refuse');
  await page.keyboard.press('Enter');
  await dialog.getByRole('alert').waitFor();
  await name.fill('Harbour');
  await dialog.getByRole('textbox', { name: 'Instructions' }).fill('Answer as a clerk.');
  await dialog.locator('input[type=file]').setInputFiles([file('fees.md')]);
  await dialog.getByRole('listitem').getByText('fees.md').waitFor();
  await judge(page, 'folder-new');
  await dialog.getByRole('button', { name: /^fees\.md/ }).click();
  await page.getByRole('dialog', { name: 'fees.md' }).getByText('Page 1 of 1').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog', { name: 'fees.md' }).waitFor({ state: 'detached' });
  await expect('its Esc leaves the folder open', async () => (await dialog.count()) === 1);
  await dialog.getByRole('button', { name: 'Create' }).click();
  await dialog.waitFor({ state: 'detached' });
  const harbour = folder(page, 'Harbour');
  await harbour.waitFor();

  // New chat here.
  await harbour.getByRole('button', { name: 'Actions for the folder Harbour' }).click();
  await page.getByRole('menuitem', { name: 'New chat here' }).click();
  await page.waitForURL(/#\/chat\?folder=/);
  await expect('a new chat says its folder', async () => (await line.innerText()).includes('Harbour'));
  const box = page.getByRole('textbox', { name: 'Your message' });
  await box.fill('Who opened the harbour?');
  await box.press('Enter');
  await page.locator('article[data-role=assistant][data-state=done]').waitFor({ timeout: 15_000 });
  await harbour.getByRole('link', { name: 'Who opened the harbour?' }).waitFor();
  await expect('the chat is in it', async () => (await line.innerText()).includes('Harbour'));

  // A document is taken out, and what is cancelled changes nothing.
  await line.getByRole('button', { name: 'Edit folder' }).click();
  const edit = page.getByRole('dialog', { name: 'Edit folder' });
  await edit.getByRole('button', { name: 'Remove fees.md' }).click();
  await edit.getByRole('button', { name: 'Cancel' }).click();
  await expect('cancelled, it has its document', async () => (await line.innerText()).includes('1 document'));
  await line.getByRole('button', { name: 'Edit folder' }).click();
  await edit.getByRole('button', { name: 'Remove fees.md' }).click();
  await edit.getByRole('button', { name: 'Save' }).click();
  await edit.waitFor({ state: 'detached' });
  await expect('saved, it has none', async () => !(await line.innerText()).includes('document'));

  // Moved by the keyboard, then dragged.
  const other = page.locator('nav .days li', { hasText: 'Which model for a 24 GB GPU?' });
  await other.getByRole('link').focus();
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.getByRole('menuitem', { name: 'Move to folder…' }).waitFor();
  await page.keyboard.press('Enter');
  const move = page.getByRole('dialog', { name: 'Move to folder' });
  const field = move.getByRole('combobox');
  await field.waitFor();
  await expect('what is typed narrows the folders', async () => await focused(field));
  await judge(page, 'folder-move');
  await field.fill('harb');
  await page.keyboard.press('Enter');
  await move.waitFor({ state: 'detached' });
  await harbour.getByRole('link', { name: 'Which model for a 24 GB GPU?' }).waitFor();
  await page.getByRole('link', { name: 'What do the presets change?' }).dragTo(harbour);
  await harbour.getByRole('link', { name: 'What do the presets change?' }).waitFor();
  await expect('three are in it', async () => (await harbour.getByRole('link').count()) === 3);
  await harbour
    .getByRole('link', { name: 'What do the presets change?' })
    .dragTo(page.locator('nav .days h2').first());
  await page.locator('nav .days').getByRole('link', { name: 'What do the presets change?' }).waitFor();

  // Deleted without its chats, and with them.
  await harbour.getByRole('button', { name: 'Actions for the folder Harbour' }).click();
  await page.getByRole('menuitem', { name: 'Delete…' }).click();
  const remove = page.getByRole('dialog', { name: 'Delete the folder “Harbour”?' });
  await remove.waitFor();
  await judge(page, 'folder-delete');
  await remove.getByRole('button', { name: 'Delete folder' }).click();
  await harbour.waitFor({ state: 'detached' });
  await page.locator('nav .days').getByRole('link', { name: 'Who opened the harbour?' }).waitFor();
  await expect('the chat stays', async () => (await page.locator('article').count()) > 0);
  await expect('and says no folder', async () => (await line.count()) === 0);
  await town.getByRole('link').first().click();
  await line.waitFor();
  await town.getByRole('button', { name: 'Actions for the folder Town council' }).click();
  await page.getByRole('menuitem', { name: 'Delete…' }).click();
  const both = page.getByRole('dialog', { name: 'Delete the folder “Town council”?' });
  await both.getByRole('checkbox', { name: /Delete its 2 chats, too/ }).check();
  await both.getByRole('button', { name: 'Delete folder' }).click();
  await town.waitFor({ state: 'detached' });
  await page.waitForURL(/#\/chat$/);
  await expect(
    'its chats are gone',
    async () => (await page.getByRole('link', { name: 'Who pays the harbour fees?' }).count()) === 0,
  );
}

export async function several(page, expect, judge) {
  const bar = page.getByRole('group', { name: 'Select chats' });
  const boxes = page.locator('nav input[type=checkbox]');
  await listMenu(page).click();
  await page.getByRole('menuitem', { name: 'Select chats' }).click();
  await bar.getByText('0 selected').waitFor();
  await expect('the first box has the focus', async () => await focused(boxes.first()));
  await expect(
    'nothing can be done with none',
    async () => await bar.getByRole('button', { name: 'Delete' }).isDisabled(),
  );
  await page.keyboard.press('Space');
  await bar.getByText('1 selected').waitFor();
  await page.keyboard.press('Escape');
  await bar.waitFor({ state: 'detached' });
  await expect('Esc ends it, and the menu has the focus', async () => await focused(listMenu(page)));

  const link = (name) => page.getByRole('link', { name });
  await link('What do the presets change?').click({ modifiers: ['Control'] });
  await bar.getByText('1 selected').waitFor();
  await boxes.last().click({ modifiers: ['Shift'] });
  await bar.getByText('3 selected').waitFor();
  await folder(page, 'Town council')
    .getByRole('button', { name: /^Actions for/ })
    .click();
  await page.getByRole('menu').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('menu').waitFor({ state: 'detached' });
  await expect('the Esc of a menu ends no selection', async () => (await bar.count()) === 1);
  await judge(page, 'several');
  await bar.getByRole('button', { name: 'Save as Markdown…' }).click();
  await bar.getByText('3 chats saved as Markdown in /home/user/Documents').waitFor();
  await bar.getByRole('button', { name: 'Move to folder…' }).click();
  const move = page.getByRole('dialog', { name: 'Move to folder' });
  await move.getByRole('combobox').fill('new');
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog', { name: 'New folder' });
  await dialog.getByRole('textbox', { name: 'Name' }).fill('Together');
  await page.keyboard.press('Enter');
  await dialog.waitFor({ state: 'detached' });
  await expect('it ends with the move', async () => (await bar.count()) === 0);
  const together = folder(page, 'Together');
  await together.getByRole('button', { name: /^Together/ }).click();
  await expect('all three are in it', async () => (await together.getByRole('link').count()) === 3);

  await link('Who pays the harbour fees?').click();
  await link('When does the council meet?').click({ modifiers: ['Shift'] });
  await bar.getByText('2 selected').waitFor();
  await bar.getByRole('button', { name: 'Delete' }).click();
  const ask = bar.getByRole('group', { name: 'Delete' });
  await ask.getByText('Delete 2 chats for good?').waitFor();
  await page.keyboard.press('Escape');
  await bar.getByText('2 selected').waitFor();
  await bar.getByRole('button', { name: 'Delete' }).click();
  await ask.getByRole('button', { name: 'Delete' }).click();
  await bar.waitFor({ state: 'detached' });
  await page.waitForURL(/#\/chat$/);
  await expect('both are gone', async () => (await link('Who pays the harbour fees?').count()) === 0);
}
