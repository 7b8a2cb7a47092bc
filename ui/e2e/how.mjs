// "How it works": nothing runs by itself, every chapter shows the numbers of its answer in words, another answer changes
// them, and all of it can be done by keyboard.

const chapter = (page, name) => page.getByRole('region', { name });
const runOf = (section) => section.locator('form button[type=submit]');
const pictured = (section) => section.locator('.picture').waitFor();

/** Every chapter, whatever the language. */
export async function runAll(page) {
  const sections = page.locator('main section.card');
  const count = await sections.count();
  for (let at = 0; at < count; at += 1) {
    await runOf(sections.nth(at)).click();
    await pictured(sections.nth(at));
  }
}

async function choose(page, name) {
  await page.getByLabel('Model', { exact: true }).selectOption({ label: name });
}

export async function how(page, expect, judge) {
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await page.getByRole('link', { name: 'How it works' }).click();
  await page.getByRole('heading', { name: 'How it works', level: 1 }).waitFor();
  await expect('nothing runs by itself', (await page.locator('.picture').count()) === 0);
  await sparsity(page, expect);
  await routing(page, expect);
  await cache(page, expect);
  await drafts(page, expect);
  await fp8(page, expect);
  await next(page, expect);
  await judge(page, 'how-run');
  await choose(page, 'DeepSeek-R1-Distill-Qwen-1.5B');
  const first = chapter(page, /Mixture of experts/);
  await runOf(first).click();
  await first.getByRole('alert').waitFor();
  await expect(
    'what was computed before stays',
    await first.getByText('Computed by Whaledeck Guide').isVisible(),
  );
  await page.keyboard.press('Control+k');
  await page.keyboard.type('How it works');
  await expect(
    'the palette knows the page',
    async () => (await page.getByRole('option', { name: 'How it works' }).count()) === 1,
  );
  await page.keyboard.press('Escape');
}

async function sparsity(page, expect) {
  const section = chapter(page, /Mixture of experts/);
  await runOf(section).click();
  const touched = section.getByRole('list', { name: 'Parameters that work on one token' });
  await touched.getByText('2.7 billion (17%)').waitFor();
  await expect('all of them are all', await touched.getByText('15.7 billion (100%)').isVisible());
  const time = section.getByRole('list', { name: 'Time for one token, measured' });
  const before = await time.innerText();
  await section.getByLabel('Question').fill('Why is the sea salty?');
  await section.getByLabel('Question').press('Enter');
  await section.getByText('You asked “Why is the sea salty?”').waitFor();
  await expect('another answer has another time', (await time.innerText()) !== before);
  await section.getByLabel('Question').fill(' ');
  await expect('an empty question is not asked', await runOf(section).isDisabled());
  await section.getByLabel('Question').fill('What is a whale?');
}

async function routing(page, expect) {
  const section = chapter(page, /^2 Routing/);
  await runOf(section).click();
  const grid = section.getByRole('img', { name: /6 of 64 experts in each of 26 layers/ });
  await grid.waitFor();
  const label = () => grid.getAttribute('aria-label');
  const bias = section.getByRole('img', { name: /^Bias of each expert/ });
  const [first, firstBias] = [await label(), await bias.getAttribute('aria-label')];
  expect('the layer is named', first?.includes('Layer 1: experts '));
  await section.getByRole('option').first().focus();
  await page.keyboard.press('ArrowRight');
  await expect('the arrow key goes to the next token', async () => {
    const chosen = section.getByRole('option', { selected: true });
    return (await chosen.innerText()) === 'blue' && (await label())?.includes('“blue”') === true;
  });
  await page.keyboard.press('ArrowDown');
  await expect(
    'and down to the next layer',
    async () => (await label())?.includes('Layer 2: experts ') === true,
  );
  expect('each layer has its own bias', (await bias.getAttribute('aria-label')) !== firstBias);
  await section.getByRole('button', { name: 'Previous layer' }).click();
  await section.getByRole('option').nth(3).hover();
  await expect('pointing shows a token', async () => (await label())?.includes('“dives”') === true);
  await section.getByText('Experts of this token as a table').click();
  await expect('the table has every layer', (await section.getByRole('rowheader').count()) === 26);
  await section.getByLabel('Sentence').fill('Krill');
  await runOf(section).click();
  await expect(
    'another sentence has other tokens',
    async () => (await section.getByRole('option').count()) === 1,
  );
  await choose(page, 'Whaledeck Guide Vision');
  await runOf(section).click();
  await section.getByText('adds no bias').waitFor();
  await choose(page, 'Whaledeck Guide');
}

async function cache(page, expect) {
  const section = chapter(page, /^3 Latent attention/);
  await runOf(section).click();
  const large = section.getByRole('list', { name: 'DeepSeek-V3.1' });
  await large.getByText('164 GB').waitFor();
  await section.getByRole('slider', { name: 'Context' }).focus();
  await page.keyboard.press('End');
  await large.getByText('655 GB').waitFor();
  await expect(
    'the latent vector is told as a part',
    await large.getByText('9.2 GB, 1/71 the size').isVisible(),
  );
  await expect('grouped heads are explained', await section.getByText('grouped heads instead').isVisible());
}

async function drafts(page, expect) {
  const section = chapter(page, /^4 Multi-token prediction/);
  await runOf(section).click();
  await section.getByText('Accepted 0 of 0').waitFor();
  await page.waitForTimeout(700);
  await expect('nothing plays under reduced motion', await section.getByText('Accepted 0 of 0').isVisible());
  const step = section.getByRole('button', { name: 'Step' });
  await step.focus();
  while (await step.isEnabled()) await page.keyboard.press('Enter');
  const counted = (await section.getByText(/^Accepted \d+ of \d+$/).innerText()).match(/\d+/g)?.map(Number);
  const answer = section.getByRole('group', { name: 'The answer, token by token' });
  const [accepted, refused] = [
    await answer.getByText('draft', { exact: true }).count(),
    await answer.locator('del').count(),
  ];
  expect('both kinds are shown', accepted > 0 && refused > 0);
  expect('and counted', counted?.[0] === accepted && counted[1] === accepted + refused);
  await section.getByText('1.6× faster than without drafts').waitFor();
  await section.getByRole('button', { name: 'Restart' }).click();
  await section.getByText('Accepted 0 of 0').waitFor();
  await section.getByRole('button', { name: 'Play' }).click();
  await section.getByRole('button', { name: 'Pause' }).waitFor();
  await expect(
    'it plays when told to',
    async () => (await section.getByText(/^Accepted [1-9]/).count()) === 1,
  );
}

async function fp8(page, expect) {
  const section = chapter(page, /^5 FP8/);
  await runOf(section).click();
  await section.getByText('stores its numbers in FP8 already').waitFor();
  const error = section.getByRole('img', { name: /^Error: / });
  const stored = await error.getAttribute('aria-label');
  await choose(page, 'Whaledeck Guide Vision');
  await runOf(section).click();
  await section.getByText('stored as BF16').waitFor();
  await expect('another block has another error', (await error.getAttribute('aria-label')) !== stored);
  const readout = section.getByText(/^Row \d+, column \d+: .* becomes /);
  await section.getByRole('application').focus();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowDown');
  await expect('the arrow keys read a number', async () =>
    (await readout.innerText()).startsWith('Row 2, column 2'),
  );
  await section.getByRole('img', { name: /^Original/ }).hover({ position: { x: 100, y: 60 } });
  await expect(
    'and so does the pointer',
    async () => !(await readout.innerText()).startsWith('Row 2, column 2'),
  );
  await choose(page, 'Whaledeck Guide');
}

async function next(page, expect) {
  const section = chapter(page, /^6 The golden presets/);
  await runOf(section).click();
  const table = section.getByRole('table');
  await table.waitFor();
  await expect(
    'every preset has a column, and the own one',
    (await table.getByRole('columnheader').allInnerTexts()).join() ===
      'Token,Factual,Creative,Code,DeepSeek’s own,Your own',
  );
  await expect('what a preset cannot draw is 0', (await table.getByText('0', { exact: true }).count()) > 0);
  const own = async () => (await table.getByRole('row').nth(1).getByRole('cell').last().innerText()).trim();
  const before = await own();
  await section.getByRole('slider', { name: 'Temperature' }).focus();
  await page.keyboard.press('End');
  await expect('a slider asks again', async () => (await own()) !== before);
  const token = table.getByRole('button').first();
  const word = (await token.innerText()).trim();
  const rows = await table.innerText();
  await token.click();
  await expect(
    'the token is written',
    async () => (await section.getByText(`Answer so far: ${word}`).count()) === 1,
  );
  await expect('and asks what follows', async () => (await table.innerText()) !== rows);
  await section.getByRole('button', { name: 'Start again' }).click();
  await section.getByText('Nothing yet').waitFor();
}
