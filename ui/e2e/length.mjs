// Steps through what a chat says about itself: how full it is, what to do when it is too long, which chats are being
// answered, a search that leads to its message, odd answers, and what the next chat begins with.
import { chooseModel, modelOf } from './browser.mjs';
const box = (page) => page.getByRole('textbox', { name: 'Your message' });
const meter = (page) => page.getByRole('meter', { name: 'Context' });
const done = (page) => page.locator('article[data-role=assistant][data-state=done]');

async function said(page, text) {
  const before = await done(page).count();
  await box(page).fill(text);
  await box(page).press('Enter');
  await done(page).nth(before).waitFor({ timeout: 20_000 });
}

/** The meter while typing, a text that is too long, and the oldest turns left out. */
export async function full(page, expect, judge) {
  const share = () => meter(page).getAttribute('aria-valuetext');
  await page.waitForFunction(
    () => document.querySelector('[role=meter]')?.getAttribute('aria-valuetext') !== null,
  );
  const before = await share();
  await box(page).fill('a'.repeat(6800));
  await page.waitForFunction(
    (old) => document.querySelector('[role=meter]')?.getAttribute('aria-valuetext') !== old,
    before,
  );
  await expect(
    `the meter moves while one types (${before} → ${await share()})`,
    async () => parseInt(await share(), 10) >= 50,
  );
  await said(page, 'a'.repeat(6800));
  await said(page, 'And more?');
  const book = 'b'.repeat(90_000);
  await box(page).fill(book);
  await page.waitForFunction(
    () => parseInt(document.querySelector('[role=meter]')?.getAttribute('aria-valuetext') ?? '0', 10) > 500,
  );
  await judge(page, 'meter-over');
  await page.getByRole('button', { name: 'Send' }).click();
  const notice = page.locator('[data-notice=too-long]');
  await notice.waitFor();
  await expect('the numbers are said', async () =>
    /27,\d\d\d|28,\d\d\d|29,\d\d\d/.test(await notice.innerText()),
  );
  await expect(
    'what does not help is not offered',
    async () => (await notice.getByRole('button', { name: /Leave out/ }).count()) === 0,
  );
  await notice.getByRole('button', { name: 'Keep the text here' }).click();
  await notice.waitFor({ state: 'detached' });
  await expect('the text stays in the composer', async () => (await box(page).inputValue()) === book);
  await box(page).fill('c'.repeat(6700));
  await page.waitForFunction(
    () => parseInt(document.querySelector('[role=meter]')?.getAttribute('aria-valuetext') ?? '0', 10) > 99,
  );
  await box(page).press('Enter');
  const leave = notice.getByRole('button', { name: /Leave out the \d+ oldest messages/ });
  await leave.waitFor();
  await expect(
    'nothing is sent until it is decided',
    async () => (await page.locator('article[data-role=user]', { hasText: 'ccccc' }).count()) === 0,
  );
  await judge(page, 'too-long');
  await leave.click();
  await page.locator('article[data-role=user]', { hasText: 'ccccc' }).waitFor();
  await page.locator('article[data-state=streaming]').waitFor({ state: 'detached', timeout: 20_000 });
  const line = page.getByRole('note').getByText('does not read the messages above');
  // Messages out of sight are not on the page.
  await page.mouse.move(770, 400);
  for (let turns = 0; turns < 40 && (await line.count()) === 0; turns += 1) {
    await page.mouse.wheel(0, -600);
    await page.waitForTimeout(100);
  }
  await line.scrollIntoViewIfNeeded();
  await expect('what is left out is marked', async () => await line.isVisible());
  await judge(page, 'left-out');
  await page.getByRole('button', { name: 'Read them again' }).click();
  await line.waitFor({ state: 'detached' });
}

/** A question that needs another model while one answers. */
export async function busy(page, expect, judge) {
  await said(page, 'First');
  await box(page).fill('Flood');
  await box(page).press('Enter');
  await page.locator('article[data-state=streaming] .markdown').waitFor();
  const first = page.url();
  await page.getByRole('button', { name: 'New chat' }).click();
  await chooseModel(page.getByRole('combobox', { name: 'Model of this chat' }), 'guide-vision');
  await box(page).fill('And you?');
  await box(page).press('Enter');
  const notice = page.locator('[data-notice=busy]');
  await notice.getByText('Whaledeck Guide is answering').waitFor();
  await expect(
    'the chat that is being answered is marked',
    async () => await page.locator('nav .dot').first().isVisible(),
  );
  await expect('the chat is named', async () => await notice.getByText(/^In: /).isVisible());
  await judge(page, 'busy');
  await notice.getByRole('button', { name: 'Cancel' }).click();
  await expect(
    'the text is in the composer again',
    async () => (await box(page).inputValue()) === 'And you?',
  );
  await box(page).press('Enter');
  await notice.getByRole('button', { name: 'Wait' }).click();
  await page.getByText('Waiting for another answer to finish').waitFor();
  await judge(page, 'busy-waits');
  await page.keyboard.press('Escape');
  await page.locator('article[data-state=stopped], article[data-role=assistant]').first().waitFor();
  await page.goto(first);
  await page.keyboard.press('Escape');
  await page.locator('article[data-state=stopped]').waitFor({ timeout: 10_000 });
}

/** Words in any order, a snippet, and the message itself: far back, first, last, and on a branch that is not shown. */
export async function search(page, expect, judge) {
  const numbers = page.locator('.search .numbers');
  const field = page.getByRole('textbox', { name: 'Find in this chat' });
  const previous = page.getByRole('button', { name: 'Previous match' });
  async function listed(query, chat, word) {
    await page.getByRole('searchbox', { name: 'Search chats' }).fill(query);
    const row = page.locator('nav li', { hasText: chat });
    await row.locator('mark', { hasText: word }).waitFor();
    return row;
  }
  /** The message is the one found, its word is painted in view and stays there, and the address names it no more. */
  async function landed(text, word, count) {
    await page.locator('article.found', { hasText: text }).waitFor({ timeout: 5_000 });
    await page.waitForFunction(() => !location.hash.includes('message='), undefined, { timeout: 5_000 });
    // Long lists settle in several steps.
    await page.waitForTimeout(400);
    const there = async () =>
      page.evaluate(() => {
        const range = [...(CSS.highlights.get('found-now') ?? [])][0];
        const at = range?.getBoundingClientRect();
        return {
          word: range?.toString().toLowerCase(),
          top: at?.top,
          inView: at !== undefined && at.top > 56 && at.bottom < innerHeight - 60,
        };
      });
    const first = await there();
    expect(`${text}: its word is painted (${first.word}, not ${word})`, first.word === word);
    expect(`${text}: its word is in view (${first.top} px)`, first.inView);
    await page.waitForTimeout(400);
    const later = await there();
    expect(
      `${text}: it stays where it is (${first.top} px, then ${later.top} px)`,
      Math.abs(first.top - later.top) < 2,
    );
    await expect(
      `${text}: it is counted (${await numbers.innerText()}, not ${count})`,
      async () => (await numbers.innerText()) === count,
    );
  }
  const row = await listed('narwhal rare', 'A very long one', 'narwhal');
  await expect(
    'the snippet marks the word',
    async () => (await row.locator('mark').first().innerText()).toLowerCase() === 'narwhal',
  );
  await judge(page, 'search-list');
  await row.getByRole('link').click();
  // Four messages hold both words, and each word is a place.
  await landed('Answer 1501.', 'rare', '7 of 8');
  await page.locator('article.found', { hasText: 'Answer 1501.' }).getByText('A rare narwhal.').waitFor();
  await judge(page, 'search-landed');
  await expect(
    'the words are in the field of the chat',
    async () => (await field.inputValue()) === 'narwhal rare',
  );
  await field.press('Enter');
  await landed('Answer 1501.', 'narwhal', '8 of 8');
  await field.press('Enter');
  await landed('Answer 1.', 'rare', '1 of 8');
  for (let times = 0; times < 3; times += 1) await previous.click();
  await landed('Answer 1001.', 'narwhal', '6 of 8');
  await (await listed('walrus', 'A very long one', 'walrus')).getByRole('link').click();
  await landed('Question 0, about', 'walrus', '1 of 1');
  await (await listed('1999', 'A very long one', '1999')).getByRole('link').click();
  await landed('Answer 1999.', '1999', '1 of 1');
  await expect(
    'the last message is the latest',
    async () => (await page.getByRole('button', { name: 'Jump to the latest' }).count()) === 0,
  );
  await (await listed('ocelot', 'Two branches', 'ocelot')).getByRole('link').click();
  await landed('Reply 301 of branch x.', 'ocelot', '1 of 1');
  await (await listed('lynx', 'Two branches', 'lynx')).getByRole('link').click();
  await landed('Reply 301 of branch y.', 'lynx', '1 of 1');
  await (await listed('narwhal', 'A very long one', 'narwhal')).getByRole('link').click();
  await landed('Answer 1501.', 'narwhal', '4 of 4');
  await field.press('Escape');
  await expect('Esc closes the search', async () => (await page.locator('.search').count()) === 0);
  await (await listed('narwhal', 'A very long one', 'narwhal')).getByRole('link').click();
  await page.evaluate(() => (location.hash = '#/models'));
  await page.getByRole('heading', { name: 'Models', level: 1 }).waitFor();
  await page.waitForTimeout(800);
  expect('a page opened meanwhile stays open', page.url().endsWith('#/models'));
}

/** An answer without a word, one that goes round in circles, and Enter in the box of an edited message. */
export async function odd(page, expect, judge) {
  await box(page).fill('Empty');
  await box(page).press('Enter');
  await page.locator('[data-notice=empty]').getByText('The model gave an empty answer.').waitFor();
  await judge(page, 'empty-answer');
  await box(page).fill('Repeat');
  await box(page).press('Enter');
  const notice = page.locator('[data-notice=repeating]');
  await notice.waitFor({ timeout: 10_000 });
  await judge(page, 'repeating');
  await notice.getByRole('button', { name: 'Stop' }).click();
  await page.locator('article[data-state=stopped]').waitFor({ timeout: 5_000 });
  await expect('the notice goes with the answer', async () => (await notice.count()) === 0);
  await box(page).press('ArrowUp');
  const edit = page.getByRole('textbox', { name: 'Edit your message' });
  await edit.fill('Changed');
  await edit.press('Shift+Enter');
  await edit.press('End');
  await expect('Shift+Enter is a new line', async () => (await edit.inputValue()).includes('\n'));
  await edit.dispatchEvent('keydown', { key: 'Enter', isComposing: true });
  await expect('Enter while composing sends nothing', async () => (await edit.count()) === 1);
  await edit.press('Enter');
  await page.locator('article[data-role=user]', { hasText: 'Changed' }).waitFor();
  await page.locator('article[data-state=streaming]').waitFor({ state: 'detached', timeout: 20_000 });
}

/** What was chosen in one chat is what the next one begins with. */
export async function alike(page, expect) {
  await page.getByRole('button', { name: 'Show preset panel' }).click();
  await page.getByRole('button', { name: 'Creative', exact: true }).click();
  await page.getByRole('textbox', { name: 'Instructions' }).fill('Answer in verse.');
  await page.waitForTimeout(500);
  await chooseModel(
    page.getByRole('combobox', { name: 'Model of this chat' }),
    'deepseek-r1-distill-qwen-1.5b',
  );
  await page.waitForTimeout(500);
  await said(page, 'Hello');
  // As after a restart of the page: the settings are asked for anew.
  await page.evaluate(() => dispatchEvent(new Event('focus')));
  await page.getByRole('button', { name: 'New chat' }).click();
  const model = page.getByRole('combobox', { name: 'Model of this chat' });
  await page.waitForFunction(
    () => document.querySelector('[data-chosen]')?.dataset.chosen === 'deepseek-r1-distill-qwen-1.5b',
  );
  await expect(
    'the model is the last one',
    async () => (await modelOf(model)) === 'deepseek-r1-distill-qwen-1.5b',
  );
  await expect(
    'the style is the last one',
    async () =>
      (await page.getByRole('button', { name: 'Creative', exact: true }).getAttribute('aria-pressed')) ===
      'true',
  );
  await expect(
    'the instructions are the last ones',
    async () =>
      (await page.getByRole('textbox', { name: 'Instructions' }).inputValue()) === 'Answer in verse.',
  );
}

/** A download without room for it, and a speed in every verdict once the memory was measured. */
export async function room(page, expect, judge) {
  const large = page.locator('article[data-model="deepseek-r1"]');
  // A download on its way takes its part of the 412 GB first, until it is paused.
  await large.getByText('Needs 689 GB, 403 GB free').waitFor({ timeout: 5_000 });
  await page.getByRole('button', { name: 'Pause' }).click();
  await large.getByText('Needs 689 GB, 412 GB free').waitFor({ timeout: 5_000 });
  await expect('it is not offered', async () => await large.locator('[data-lacking=disk]').isDisabled());
  await page
    .locator('article[data-model=guide]')
    .getByText('About 5.4 words per second')
    .waitFor({ timeout: 5_000 });
  await page.evaluate(() => (location.hash = '#/hardware'));
  await page.getByRole('button', { name: 'Measure' }).click();
  await page.getByText('28.4 GB/s').waitFor({ timeout: 5_000 });
  await page.evaluate(() => (location.hash = '#/models'));
  await page
    .locator('article[data-model=guide]')
    .getByText('About 9 words per second')
    .waitFor({ timeout: 5_000 });
  await judge(page, 'models-measured');
}
