// Steps through tools: calls in an answer that are approved, refused, changed, always allowed and stopped; a
// long result page by page; servers by the form, from JSON, started again, changed and removed; permissions
// and the search service.
const calls = (page) => page.locator('[data-call]');
const asking = (page) => page.locator('[data-call-state=asking]');
const box = (page) => page.getByRole('textbox', { name: 'Your message' });
const done = (page) =>
  page.locator('article[data-role=assistant]').last().and(page.locator('[data-state=done]'));

async function ask(page, text) {
  await box(page).fill(text);
  await box(page).press('Enter');
}

/** For the pictures: a call that waits. */
export async function waits(page) {
  await page.locator('.composer textarea').fill('Use a tool');
  await page.locator('.composer textarea').press('Control+Enter');
  await asking(page).waitFor({ timeout: 20_000 });
  await page.waitForTimeout(300);
}

/** For the pictures: the panel at the button. */
export async function panel(page) {
  await page.locator('[data-offered]').click();
  await page.getByRole('dialog').waitFor({ timeout: 20_000 });
  await page.waitForTimeout(200);
}

const CONFIG = JSON.stringify({
  mcpServers: {
    git: { command: 'uvx', args: ['mcp-server-git', '--repository', '/home/lin/My projects'] },
    weather: { url: 'https://weather.example.com/mcp', headers: { Authorization: 'Bearer marked' } },
    gone: { command: 'nowhere', args: [], env: { API_KEY: 'marked' } },
  },
});

/** For the pictures: servers of a pasted text, before they are added. */
export async function pasted(page) {
  await page.getByRole('tab').nth(1).click();
  await page.locator('[data-add-server] textarea').fill(CONFIG);
  await page.locator('[data-add-server] form button[type=submit]').click();
  await page.locator('[data-add-server] li').first().waitFor({ timeout: 20_000 });
  await page.locator('[data-add-server] h4').evaluate((title) => title.scrollIntoView());
}

/** Approve, refuse, change and always allow; a result of ten pages. */
export async function toolCalls(page, expect, picture) {
  const answer = page.locator('article[data-role=assistant]').first();
  await expect('each call of the answer is shown', async () => (await calls(page).count()) === 6);
  await expect('in three texts', async () => (await answer.locator('[data-text]').count()) === 3);
  await expect(
    'and two groups',
    async () => (await answer.getByRole('list', { name: 'Tool calls' }).count()) === 2,
  );
  await expect('a result is text', async () => (await answer.locator('img, a[href*=evil]').count()) === 0);
  const first = answer.locator('[data-call=k1]');
  await first.getByText(/^Result: [\d,]+ characters$/).click();
  await first.getByText('src/harbour-1.ts:1:', { exact: false }).waitFor({ timeout: 20_000 });
  // What was opened is brought into view first: a press on its way meanwhile would miss.
  await page.waitForTimeout(500);
  await first.getByRole('button', { name: 'Show more' }).click();
  await first.getByText('Page 2 of 10').waitFor({ timeout: 20_000 });
  for (let n = 2; n < 10; n += 1) await first.getByRole('button', { name: 'Next page' }).click();
  await first.getByText('Page 10 of 10').waitFor({ timeout: 20_000 });
  await first.getByText('src/harbour-400.ts', { exact: false }).waitFor({ timeout: 20_000 });
  await expect(
    'the last page is the last',
    async () => await first.getByRole('button', { name: 'Next page' }).isDisabled(),
  );
  await picture(page, 'tool-result');

  await ask(page, 'Use a tool');
  await asking(page).waitFor({ timeout: 20_000 });
  await expect(
    'the waiting call is announced',
    async () => (await page.locator('[aria-live]', { hasText: 'waits for your approval' }).count()) === 1,
  );
  await expect('the empty text field gives the focus to the call', async () =>
    page.evaluate(() => document.activeElement?.closest('[data-call-state=asking]') !== null),
  );
  await page.keyboard.press('Enter');
  await expect('a key decides nothing', async () => (await asking(page).count()) === 1);
  await asking(page).getByRole('button', { name: 'Run', exact: true }).click();
  await done(page).locator('[data-call-state=done]').waitFor({ timeout: 20_000 });
  await expect('the text goes on after the call', async () =>
    (await done(page).locator('[data-text]').last().innerText()).includes('24 GB'),
  );

  await ask(page, 'Use the tool again');
  await box(page).fill('I am typing');
  await asking(page).waitFor({ timeout: 20_000 });
  await page.waitForTimeout(200);
  await expect('who types keeps the focus', async () =>
    box(page).evaluate((field) => field === document.activeElement),
  );
  await box(page).fill('');
  await asking(page).getByRole('button', { name: 'Refuse' }).click();
  await done(page).locator('[data-call-state=refused]').waitFor({ timeout: 20_000 });

  await ask(page, 'Use two tools');
  await asking(page).waitFor({ timeout: 20_000 });
  await asking(page).getByRole('button', { name: 'Edit arguments' }).click();
  const field = asking(page).getByRole('textbox', { name: 'Arguments of Search files' });
  await field.fill('{"pattern": "tax",}');
  await asking(page).getByText('This is not valid JSON').waitFor({ timeout: 20_000 });
  await expect(
    'what is no JSON is not run',
    async () => await asking(page).getByRole('button', { name: 'Run', exact: true }).isDisabled(),
  );
  await picture(page, 'tool-edit');
  await field.fill('["tax"]');
  await asking(page).getByText('Arguments are written in braces').waitFor({ timeout: 20_000 });
  await field.press('Escape');
  await expect(
    'Esc ends the change and not the answer',
    async () =>
      (await asking(page).getByRole('textbox').count()) === 0 &&
      (await page.locator('article[data-state=stopped]').count()) === 0,
  );
  await asking(page).getByRole('button', { name: 'Edit arguments' }).click();
  await field.fill('{"pattern": "broken"}');
  await asking(page).getByRole('button', { name: 'Run', exact: true }).click();
  await asking(page).getByRole('alert').waitFor({ timeout: 20_000 });
  await field.fill('{"pattern": "tax"}');
  await asking(page).getByLabel('Always allow this tool').check();
  await asking(page).getByRole('button', { name: 'Run', exact: true }).click();
  await done(page).getByText('Arguments changed by you').waitFor({ timeout: 20_000 });
  await done(page).getByText('tax', { exact: true }).waitFor({ timeout: 20_000 });
  await expect(
    'the second call did not ask',
    async () => (await done(page).locator('[data-call-state=done]').count()) === 2,
  );

  await ask(page, 'A slow tool');
  await page.locator('[data-call-state=running]').waitFor({ timeout: 20_000 });
  await page.locator('[data-call-state=running]').getByText('1 s').waitFor({ timeout: 20_000 });
  await picture(page, 'tool-running');
  await page.getByRole('button', { name: 'Stop' }).click();
  const stopped = page.locator('article[data-state=stopped]');
  await stopped.locator('[data-call-state=stopped]').waitFor({ timeout: 20_000 });

  await page.keyboard.press('Control+f');
  await page.getByRole('textbox', { name: 'Find in this chat' }).fill('400 places');
  await page.locator('.search').getByText('1 of 1').waitFor({ timeout: 20_000 });
  await expect('words after a call are found', async () =>
    page.evaluate(() => {
      const range = [...(CSS.highlights.get('found-now') ?? [])][0];
      return range !== undefined && range.toString().length > 0;
    }),
  );
}

/** The button at the text field: how many tools, switches, the way to the page. */
export async function toolButton(page, expect) {
  const button = page.locator('[data-offered]');
  const offered = async (count) => (await button.getAttribute('data-offered')) === String(count);
  await expect('the tools are counted', () => offered(13));
  await button.click();
  const panel = page.getByRole('dialog', { name: 'Tools' });
  await expect(
    'it says that it is open',
    async () => (await button.getAttribute('aria-expanded')) === 'true',
  );
  await panel.getByRole('switch', { name: 'Issue tracker' }).click();
  await expect('fewer are offered', () => offered(7));
  await page.keyboard.press('Escape');
  await panel.waitFor({ state: 'detached', timeout: 20_000 });
  await expect('the button has the focus again', async () =>
    button.evaluate((one) => one === document.activeElement),
  );
  await button.click();
  for (const name of ['Built-in tools', 'Project files', 'Database'])
    await panel.getByRole('switch', { name }).click();
  await expect('none is offered', () => offered(0));
  await page.keyboard.press('Escape');
  await ask(page, 'Use a tool');
  await done(page).getByText('Pick the smaller', { exact: false }).waitFor({ timeout: 20_000 });
  await expect('an answer without tools has no call', async () => (await calls(done(page)).count()) === 0);
  await button.click();
  await panel.getByRole('button', { name: 'Manage tools' }).click();
  await page.getByRole('heading', { name: 'Tools', level: 1 }).waitFor({ timeout: 20_000 });
}

/** Servers, permissions and the search service. */
export async function toolServers(page, expect, picture) {
  const server = (id) => page.locator(`[data-server="${id}"]`);
  const builtIn = server('built-in');
  const never = builtIn
    .getByRole('group', { name: 'Permission of Run JavaScript' })
    .getByRole('radio', { name: 'Never' });
  await never.check();
  await expect('a permission stays', async () => await never.isChecked());
  const files = server('files');
  await files.getByRole('button', { name: 'Show all of the description of Search files' }).click();
  await files.getByRole('button', { name: 'Show less of the description of Search files' }).waitFor();

  const database = server('database');
  await database.locator('summary').click();
  await database.getByText('password authentication failed', { exact: false }).waitFor({ timeout: 20_000 });
  await picture(page, 'tool-server-failed');
  await database.getByRole('button', { name: 'Start again: Database' }).click();
  await database.getByText('Running', { exact: true }).waitFor({ timeout: 20_000 });
  await expect(
    'its tools are known',
    async () => await database.getByText('Query', { exact: true }).isVisible(),
  );

  await database.getByRole('button', { name: 'Change Database' }).click();
  const form = database.getByRole('form', { name: 'Change Database' });
  await expect(
    'a stored value is not shown',
    async () =>
      (await form.getByLabel('Value 1').getAttribute('placeholder')) === 'Stored' &&
      (await form.getByLabel('Value 1').inputValue()) === '',
  );
  await form.getByLabel('Command').fill('nowhere');
  await form.getByRole('button', { name: 'Save' }).click();
  await database.getByRole('alert').waitFor({ timeout: 20_000 });
  await form.getByLabel('Command').fill('database-server');
  await form.getByLabel('Name in this app').fill('Data');
  await picture(page, 'tool-server-change');
  await form.getByRole('button', { name: 'Save' }).click();
  await database.getByRole('heading', { name: 'Data' }).waitFor({ timeout: 20_000 });
  await form.waitFor({ state: 'detached', timeout: 20_000 });

  const add = page.locator('[data-add-server]');
  const send = add.getByRole('button', { name: 'Add server' });
  await expect('nothing to add yet', async () => await send.isDisabled());
  await add.getByLabel('Name in this app').fill('Time');
  await add.getByLabel('Command').fill('uvx');
  await add.getByLabel('Arguments, one per line').fill('mcp-server-time\n\n--local-timezone=Asia/Shanghai');
  await add.getByRole('button', { name: 'Add a variable' }).click();
  await add.getByLabel('Name 1', { exact: true }).fill('TOKEN');
  await add.getByLabel('Value 1', { exact: true }).fill('marked');
  await send.click();
  await add.getByText('Added: Time').waitFor({ timeout: 20_000 });
  const time = server('s-1');
  await time.getByText('uvx mcp-server-time --local-timezone=Asia/Shanghai').waitFor({ timeout: 20_000 });
  await time.getByText('Running', { exact: true }).waitFor({ timeout: 20_000 });
  await expect('the page holds no value', async () => !(await page.content()).includes('marked'));
  await time.getByRole('button', { name: 'Remove Time' }).click();
  await time.getByRole('group', { name: 'Remove' }).getByRole('button', { name: 'Remove' }).click();
  await time.waitFor({ state: 'detached', timeout: 20_000 });

  await add.getByRole('tab', { name: 'Paste mcpServers JSON' }).click();
  const text = add.getByLabel('Configuration with mcpServers');
  const read = add.getByRole('button', { name: 'Show servers' });
  await text.fill('no JSON');
  await read.click();
  await add.getByRole('alert').waitFor({ timeout: 20_000 });
  await text.fill(CONFIG);
  await read.click();
  await add.getByText('uvx mcp-server-git --repository "/home/lin/My projects"').waitFor({ timeout: 20_000 });
  await add.getByText('with your rights', { exact: false }).waitFor({ timeout: 20_000 });
  await expect(
    'nothing is chosen for the user',
    async () => await add.getByRole('button', { name: 'Choose servers to add' }).isDisabled(),
  );
  for (const name of ['git', 'gone']) await add.getByLabel(name, { exact: true }).check();
  await add.getByRole('button', { name: 'Add 2 servers' }).click();
  await add.getByText('Added: git').waitFor({ timeout: 20_000 });
  await expect(
    'what failed stays with its reason',
    async () =>
      (await add.getByRole('listitem').filter({ hasText: 'nowhere' }).getByRole('alert').count()) === 1,
  );
  await page.getByRole('heading', { name: 'git', exact: true }).waitFor({ timeout: 20_000 });

  const search = page.getByRole('form', { name: 'Search service' });
  await search.getByLabel('Brave Search').check();
  const save = search.getByRole('button', { name: 'Save' });
  await expect('a service with a key needs one', async () => await save.isDisabled());
  await search.getByLabel('Key of Brave Search').fill('marked-wrong');
  await save.click();
  await search.getByRole('alert').waitFor({ timeout: 20_000 });
  await search.getByLabel('Key of Brave Search').fill('marked');
  await save.click();
  await search.getByText('Web search uses Brave Search.').waitFor({ timeout: 20_000 });
  await search.getByRole('button', { name: 'Remove search service' }).click();
  await search.getByRole('group').getByRole('button', { name: 'Remove', exact: true }).click();
  await builtIn.getByText('Set a search service below first.').waitFor({ timeout: 20_000 });
}

/** No server yet: an example fills the form. */
export async function firstTool(page, expect) {
  await page.getByRole('button', { name: 'Manage tools' }).click();
  await page.getByText('No MCP server was added yet').waitFor({ timeout: 20_000 });
  const offer = page.getByRole('switch', { name: 'Offer to models: Built-in tools' });
  await expect('the built-in tools are off at first', async () => !(await offer.isChecked()));
  await offer.click();
  await expect('and can be switched on', async () => await offer.isChecked());
  await page.getByRole('button', { name: 'Choose a folder: Files in a folder' }).click();
  const add = page.locator('[data-add-server]');
  await expect(
    'the form has the example',
    async () => (await add.getByLabel('Command').inputValue()) === 'npx',
  );
  await add.getByRole('button', { name: 'Add server' }).click();
  await page.getByRole('heading', { name: 'Files in a folder' }).waitFor({ timeout: 20_000 });
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox', { name: 'Commands' }).fill('settings');
  await page.keyboard.press('Enter');
  await page.getByText('4 tools offered to models').waitFor({ timeout: 20_000 });
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox', { name: 'Commands' }).fill('tools');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Tools', level: 1 }).waitFor({ timeout: 20_000 });
  await expect('the window has its title', async () => (await page.title()).startsWith('Tools'));
}
