// Steps through what a chat says about itself: how full it is, what to do when it is too long, which chats are being
// answered, odd answers, and what the next chat begins with.
const box = (page) => page.getByRole('textbox', { name: 'Your message' });
const meter = (page) => page.getByRole('meter', { name: 'Conversation space' });
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
  await page.waitForFunction(() => document.querySelector('[role=meter]')?.getAttribute('aria-valuetext') !== null);
  const before = await share();
  await box(page).fill('a'.repeat(6800));
  await page.waitForFunction((old) => document.querySelector('[role=meter]')?.getAttribute('aria-valuetext') !== old, before);
  expect(`the meter moves while one types (${before} → ${await share()})`, parseInt(await share(), 10) >= 50);
  await said(page, 'a'.repeat(6800));
  await said(page, 'And more?');
  const book = 'b'.repeat(90_000);
  await box(page).fill(book);
  await page.waitForFunction(() => parseInt(document.querySelector('[role=meter]')?.getAttribute('aria-valuetext') ?? '0', 10) > 500);
  await judge(page, 'meter-over');
  await page.getByRole('button', { name: 'Send' }).click();
  const notice = page.locator('[data-notice=too-long]');
  await notice.waitFor();
  expect('the numbers are said', /27,\d\d\d|28,\d\d\d|29,\d\d\d/.test(await notice.innerText()));
  expect('what does not help is not offered', (await notice.getByRole('button', { name: /Leave out/ }).count()) === 0);
  await notice.getByRole('button', { name: 'Keep the text here' }).click();
  await notice.waitFor({ state: 'detached' });
  expect('the text stays in the composer', (await box(page).inputValue()) === book);
  await box(page).fill('c'.repeat(6700));
  await page.waitForFunction(() => parseInt(document.querySelector('[role=meter]')?.getAttribute('aria-valuetext') ?? '0', 10) > 99);
  await box(page).press('Enter');
  const leave = notice.getByRole('button', { name: /Leave out the \d+ oldest messages/ });
  await leave.waitFor();
  expect('nothing is sent until it is decided', (await page.locator('article[data-role=user]', { hasText: 'ccccc' }).count()) === 0);
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
  expect('what is left out is marked', await line.isVisible());
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
  await page.getByRole('combobox', { name: 'Model of this chat' }).selectOption('guide-vision');
  await box(page).fill('And you?');
  await box(page).press('Enter');
  const notice = page.locator('[data-notice=busy]');
  await notice.getByText('Whaledeck Guide is answering').waitFor();
  expect('the chat that is being answered is marked', await page.locator('nav .dot').first().isVisible());
  expect('the chat is named', await notice.getByText(/^In: /).isVisible());
  await judge(page, 'busy');
  await notice.getByRole('button', { name: 'Cancel' }).click();
  expect('the text is in the composer again', (await box(page).inputValue()) === 'And you?');
  await box(page).press('Enter');
  await notice.getByRole('button', { name: 'Wait for it' }).click();
  await page.getByText('Waiting for another answer to end').waitFor();
  await judge(page, 'busy-waits');
  await page.keyboard.press('Escape');
  await page.locator('article[data-state=stopped], article[data-role=assistant]').first().waitFor();
  await page.goto(first);
  await page.keyboard.press('Escape');
  await page.locator('article[data-state=stopped]').waitFor({ timeout: 10_000 });
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
  expect('the notice goes with the answer', (await notice.count()) === 0);
  await box(page).press('ArrowUp');
  const edit = page.getByRole('textbox', { name: 'Edit your message' });
  await edit.fill('Changed');
  await edit.press('Shift+Enter');
  await edit.press('End');
  expect('Shift+Enter is a new line', (await edit.inputValue()).includes('\n'));
  await edit.dispatchEvent('keydown', { key: 'Enter', isComposing: true });
  expect('Enter while composing sends nothing', (await edit.count()) === 1);
  await edit.press('Enter');
  await page.locator('article[data-role=user]', { hasText: 'Changed' }).waitFor();
  await page.locator('article[data-state=streaming]').waitFor({ state: 'detached', timeout: 20_000 });
}

/** What was chosen in one chat is what the next one begins with. */
export async function alike(page, expect) {
  await page.getByRole('button', { name: 'Show style panel' }).click();
  await page.getByRole('button', { name: 'Creative', exact: true }).click();
  await page.getByRole('textbox', { name: 'Instructions' }).fill('Answer in verse.');
  await page.waitForTimeout(500);
  await page.getByRole('combobox', { name: 'Model of this chat' }).selectOption('deepseek-r1-distill-qwen-1.5b');
  await page.waitForTimeout(500);
  await said(page, 'Hello');
  // As after a restart of the page: the settings are asked for anew.
  await page.evaluate(() => dispatchEvent(new Event('focus')));
  await page.getByRole('button', { name: 'New chat' }).click();
  const model = page.getByRole('combobox', { name: 'Model of this chat' });
  await page.waitForFunction(() => document.querySelector('select')?.value === 'deepseek-r1-distill-qwen-1.5b');
  expect('the model is the last one', (await model.inputValue()) === 'deepseek-r1-distill-qwen-1.5b');
  expect('the style is the last one', (await page.getByRole('button', { name: 'Creative', exact: true }).getAttribute('aria-pressed')) === 'true');
  expect('the instructions are the last ones', (await page.getByRole('textbox', { name: 'Instructions' }).inputValue()) === 'Answer in verse.');
}
