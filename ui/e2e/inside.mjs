// Steps through the side of the chat's panel that shows how an answer was made: experts by picture, table and
// token, the difference of two answers, drafts, memory; and the numbers that can be typed beside the sliders.
import { chooseModel } from './browser.mjs';

const panelOf = (page) => page.getByRole('complementary', { name: /Chat panel|对话面板/ });
const openPanel = (page) => page.getByRole('button', { name: /Show preset panel|显示预设面板/ }).click();
const openInside = (page) => page.getByRole('tab', { name: /Inside|内部状态/ }).click();
const composer = (page) => page.getByRole('textbox', { name: /Your message|你的消息/ });

async function ask(page, text) {
  await composer(page).fill(text);
  await composer(page).press('Enter');
  await page.locator('article[data-state=streaming]').waitFor({ timeout: 10_000 });
}
async function answered(page) {
  await page.locator('article[data-state=streaming]').waitFor({ state: 'detached', timeout: 120_000 });
}

/** The cells of the table of experts, row by row. */
const rowsOf = (panel) =>
  panel
    .getByRole('group', { name: 'Experts by layer' })
    .locator('tbody tr')
    .evaluateAll((rows) => rows.map((row) => [...row.children].map((cell) => cell.textContent.trim())));

/** How often each expert of each layer stands in the details of all tokens. */
async function countedByTokens(panel) {
  const texts = await panel.evaluate(async (one) => {
    const found = [];
    for (const token of one.querySelectorAll('[role=option]')) {
      token.focus();
      await new Promise((resolve) => requestAnimationFrame(resolve));
      found.push([...one.querySelectorAll('[aria-label="The chosen token"] li')].map((li) => li.innerText));
    }
    return found;
  });
  const counts = new Map();
  for (const line of texts.flat()) {
    const [, layer, experts] = /^Layer (\d+): (.*)$/.exec(line) ?? [];
    for (const expert of experts.split(', ')) {
      const key = `${layer}/${expert}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  return { counts, all: texts.length };
}

export async function inside(page, expect, judge) {
  await openPanel(page);
  await openInside(page);
  const panel = panelOf(page);
  await panel.getByText('Appears with the first answer.').waitFor();
  await ask(page, 'Which model for 24 GB?');
  const map = panel.getByRole('img', { name: /^4 layers with 32 experts each/ });
  await map.waitFor();
  await answered(page);
  await judge(page, 'inside');
  await expect('the picture says how many tokens there are', async () =>
    /\d+ tokens\. Busiest: expert \d+ in layer \d, [\d.]+× the even share/.test(
      await map.getAttribute('aria-label'),
    ),
  );
  await expect('a picture is drawn', () =>
    map.evaluate((canvas) => {
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      return new Set(new Uint32Array(data.buffer)).size > 10;
    }),
  );

  await panel.getByRole('checkbox', { name: 'Table' }).check();
  const { counts, all } = await countedByTokens(panel);
  const rows = await rowsOf(panel);
  await expect('the table has each layer', rows.map((row) => row[0]).join() === '1,2,3,4');
  for (const [layer, most, used, times] of rows) {
    const own = [...counts].filter(([key]) => key.startsWith(`${layer}/`));
    const hot = (Number(layer) - 1) * 7 + 3;
    await expect(
      `one expert of layer ${layer} worked on each token: ${most}`,
      most.startsWith(`${hot} (${all})`),
    );
    const named = [...most.matchAll(/(\d+) \((\d+)\)/g)];
    await expect(
      `the counts of layer ${layer} are those of its tokens: ${most}`,
      named.length === 3 && named.every(([, id, count]) => counts.get(`${layer}/${id}`) === Number(count)),
    );
    await expect(`layer ${layer} used ${used} experts`, own.length === Number(used));
    await expect(`a share of layer ${layer}: ${times}`, times === '8×');
  }
  await judge(page, 'inside-table');
  await panel.getByRole('checkbox', { name: 'Table' }).uncheck();

  const details = panel.getByRole('group', { name: 'The chosen token' });
  await panel.getByRole('option').nth(1).hover();
  await details.getByText('From a draft').waitFor();
  await panel.getByRole('option').nth(5).hover();
  await details.getByText('Draft “ foo” was refused').waitFor();
  await composer(page).hover();
  await panel.getByRole('option').last().focus();
  await page.keyboard.press('Home');
  await expect('Home goes to the first token', async () => (await details.innerText()).includes('Token 1\n'));
  await page.keyboard.press('ArrowRight');
  await details.getByText('Token 2', { exact: true }).waitFor();
  await page.keyboard.press('ArrowLeft');
  await details.getByText('Token 1', { exact: true }).waitFor();
  await page.keyboard.press('End');
  await details.getByText(`Token ${all}`, { exact: true }).waitFor();
  const underlined = () =>
    panel
      .getByRole('option')
      .nth(1)
      .evaluate((one) => getComputedStyle(one).textDecorationLine);
  await expect('drafts are not marked at first', async () => (await underlined()) === 'none');
  await panel.getByRole('checkbox', { name: 'Show drafts' }).check();
  await expect('drafts are marked', async () => (await underlined()) === 'underline');
  await page.keyboard.press('Shift+Tab');
  await judge(page, 'inside-token');

  await panel.getByText('1.4× faster than without drafts').waitFor();
  await panel.getByText('41 of 60 (68%)').waitFor();
  await panel.getByText('After 40 tokens: 12.1 ms a token with drafts, 10.3 ms without.').waitFor();
  await expect(
    'the pages are told',
    async () =>
      (await panel.getByRole('img', { name: /^Pages: 0 in use, 120 kept for later, 392 free/ }).count()) ===
      1,
  );
  await panel.getByText('8 bits (FP8) instead of 16 (BF16) save').scrollIntoViewIfNeeded();
  await judge(page, 'inside-memory');

  await compared(page, expect, judge, panel);
  await typed(page, expect, panel);
}

async function compared(page, expect, judge, panel) {
  await ask(page, 'And for 16 GB?');
  await panel.getByText(/^Answer 1: [\d,]+ tokens?, \d+ pages?$/).waitFor();
  await answered(page);
  await panel.getByLabel('Compare with').selectOption({ index: 1 });
  const differ = panel.getByText(/^\d+ experts? differs?: \d+ only in this answer, \d+ only in the other\./);
  await differ.waitFor();
  await panel.getByRole('img', { name: /^Difference of two answers/ }).waitFor();
  await panel.getByRole('heading', { name: 'Experts' }).scrollIntoViewIfNeeded();
  await judge(page, 'inside-compared');
  const [here, there] = (await differ.innerText()).match(/\d+/g).slice(1).map(Number);
  await panel.getByRole('checkbox', { name: 'Table' }).check();
  const rows = await rowsOf(panel);
  const sum = (column) => rows.reduce((all, row) => all + Number(row[column]), 0);
  await expect('the table tells the same difference', sum(1) === here && sum(2) === there && here > 0);
  await judge(page, 'inside-compared-table');
}

async function typed(page, expect, panel) {
  await page.getByRole('tab', { name: 'Style' }).click();
  const field = panel.getByRole('textbox', { name: 'Boldness · Temperature' });
  const slider = panel.getByRole('slider', { name: 'Boldness · Temperature' });
  const is = (value) => async () => (await slider.getAttribute('aria-valuenow')) === value;
  for (const [text, value] of [
    ['0,85', '0.85'],
    ['.33', '0.33'],
    ['9', '1.5'],
    ['-1', '0'],
    ['warm', '0'],
  ]) {
    await field.fill(text);
    await field.press('Enter');
    await expect(`${text} becomes ${value}`, is(value));
  }
  await expect('what is no number is gone', async () => (await field.inputValue()) === '0');
  await field.fill('1.2');
  await field.press('Escape');
  await expect('Esc takes back what was typed', async () => (await field.inputValue()) === '0');
  await expect('and leaves the panel open', async () => await field.isVisible());
  await field.fill('0.7');
  await field.blur();
  await expect('leaving takes it', is('0.7'));
  const most = panel.getByRole('textbox', { name: 'Length limit · Max tokens' });
  await expect('no limit has its sign', async () => (await most.inputValue()) === '∞');
  await most.fill('1,500');
  await most.press('Enter');
  await panel.getByText('At most about 2 pages').waitFor();
}

/** What there is to say where no experts are shown. */
export async function insideWithout(page, expect, judge) {
  await ask(page, 'Before');
  await answered(page);
  await openPanel(page);
  await openInside(page);
  const panel = panelOf(page);
  await panel.getByText('This view was closed while the answer was written').waitFor();
  await judge(page, 'inside-unseen');
  await panel.getByRole('button', { name: 'Regenerate' }).click();
  await panel.getByRole('img', { name: /^4 layers/ }).waitFor({ timeout: 10_000 });
  await answered(page);
  const model = page.getByRole('combobox', { name: 'Model of this chat' });
  await chooseModel(model, 'deepseek-r1-distill-qwen-1.5b');
  await ask(page, 'Dense');
  await panel.getByText('This model has no experts').waitFor();
  await answered(page);
  await panel.getByText('Nothing was drafted for this answer.').waitFor();
  await expect(
    'a dense model has no picture',
    async () => (await panel.getByRole('img', { name: /layers/ }).count()) === 0,
  );
  await judge(page, 'inside-dense');
  await chooseModel(model, 'cloud:deepseek/deepseek-flash');
  await ask(page, 'Cloud');
  await answered(page);
  await panel.getByText('does not say how its answers are made').waitFor();
  await panel.getByText('does not run on this computer').waitFor();
  await judge(page, 'inside-cloud');
}

/** A server that names no shape, and an answer that is longer than what is kept of it. */
export async function insideDeployed(page, expect, judge) {
  await openPanel(page);
  await openInside(page);
  const panel = panelOf(page);
  await ask(page, 'Flood');
  const map = panel.getByRole('img', { name: /^58 layers with 256 experts each/ });
  await map.waitFor();
  await panel.getByText(/^The last/).waitFor({ timeout: 60_000 });
  await page.getByRole('button', { name: 'Stop' }).click();
  await answered(page);
  await expect('a long answer says what is left out', async () =>
    /^The last \d+ of [\d,]+ tokens\.$/.test(await panel.getByText(/^The last/).innerText()),
  );
  await panel.getByRole('option').first().focus();
  await panel.getByText('Layer 57:').waitFor();
  await judge(page, 'inside-deployed');
}

/** The panel in one language, theme and size. */
export async function insideLook(page, judge, name) {
  await openPanel(page);
  await openInside(page);
  const panel = panelOf(page);
  for (const text of ['One', 'Two']) {
    await ask(page, text);
    await answered(page);
  }
  await panel.getByRole('listbox').getByRole('option').nth(5).focus();
  await page.evaluate(() => document.activeElement.scrollIntoView({ block: 'end' }));
  await judge(page, `inside-${name}`);
  await panel.getByRole('combobox').selectOption({ index: 1 });
  await panel.evaluate((one) => (one.scrollTop = 0));
  await judge(page, `inside-compared-${name}`);
  await panel.evaluate((one) => (one.scrollTop = one.scrollHeight));
  await judge(page, `inside-memory-${name}`);
  await panel.getByRole('tab').first().click();
  await panel.getByRole('slider').first().scrollIntoViewIfNeeded();
  await judge(page, `inside-style-${name}`);
}
