// "Measure it here": nothing is sent before Run, progress can be stopped and goes on behind another page, and each verdict
// has its reason.
import { chooseModel } from './browser.mjs';

const sectionOf = (page) => page.getByRole('region', { name: 'Measure it here' });
const runOf = (section) => section.locator('form button[type=submit]');

const modelBox = (section) => section.getByRole('combobox', { name: 'Model to measure' });

async function measured(section, verdict, reason) {
  await runOf(section).click();
  await section.getByText(verdict, { exact: true }).first().waitFor();
  await section.getByText(reason).first().waitFor();
}

export async function measure(page, expect, judge) {
  const section = sectionOf(page);
  await section.scrollIntoViewIfNeeded();
  for (const claim of ['Factual: +12%', 'Creative: +45%', 'Code: +18%'])
    await expect(`the claim is told: ${claim}`, await section.getByText(claim).isVisible());
  await expect('nothing is measured by itself', (await section.locator('.picture').count()) === 0);
  await section.getByText('360 answers: each prompt 3 times without').waitFor();
  await measured(section, 'cannot be confirmed', 'the claimed rise would exceed 100%');
  const score = section.getByRole('article', { name: 'Answers right' });
  await expect(
    'the scores are words',
    (await score.getByText(/^By round: without the preset /).count()) === 1,
  );
  await expect(
    'the change too',
    (await score.getByRole('img', { name: /beside the claimed \+12%$/ }).count()) === 1,
  );
  await section.getByText('None of the 360 answers reached the limit').waitFor();
  await judge(page, 'measure-ceiling');

  await section.getByLabel('Rounds').selectOption('1');
  await measured(section, 'cannot be confirmed', 'One round has no spread');
  // The radio buttons by keyboard, as a group.
  await section.getByRole('radio', { name: /factual questions/ }).focus();
  await page.keyboard.press('ArrowDown');
  await section.getByText('The Guide writes no stories').waitFor();
  await section.getByLabel('Rounds').selectOption('3');
  await measured(section, 'disagrees', 'All of the interval is below the claimed change.');
  await expect('both measures have theirs', (await section.getByRole('article').count()) === 2);
  await section.getByRole('radio', { name: /small programs/ }).check();
  await measured(section, 'cannot be confirmed', 'there is no share of 0');

  await section.getByRole('radio', { name: /factual questions/ }).check();
  await section.getByLabel('Rounds').selectOption('10');
  await runOf(section).click();
  const bar = section.getByRole('progressbar');
  await bar.waitFor();
  await section.getByText(/^\d+ of 1,200 answers · about .* left$/).waitFor();
  await expect('one at a time', await runOf(section).isDisabled());
  await judge(page, 'measure-running');
  await page.getByRole('link', { name: 'Models', exact: true }).click();
  await page.getByRole('heading', { name: 'Models', level: 1 }).waitFor();
  await page.getByRole('link', { name: 'How it works' }).click();
  await bar.waitFor();
  await section.getByRole('button', { name: 'Stop', exact: true }).click();
  await section.getByText('Stopped. Nothing was measured.').waitFor();
  await expect('and can be run again', () => runOf(section).isEnabled());

  await chooseModel(modelBox(section), 'guide-vision');
  await runOf(section).click();
  await page.locator('[data-notice=busy]').waitFor();
  await section.getByLabel('Rounds').selectOption('1');
  await page.locator('[data-notice=busy] button').first().click();
  await section.getByText('Measured on Whaledeck Guide Vision').waitFor();
}

/** Clouds cost money, and what they answer may agree, spread or end early. */
export async function measureCloud(page, expect, judge) {
  const section = sectionOf(page);
  const choose = (end) => chooseModel(modelBox(section), `cloud:deepseek/deepseek-${end}`);
  await choose('flash');
  await section.getByText(/is a cloud service: this run sends it 360 requests/).waitFor();
  await measured(section, 'agrees', 'The score rises for certain');
  await section.getByText('7 answers of 360 ended at the limit of 512 tokens.').waitFor();
  await judge(page, 'measure-cloud');
  await section.getByRole('radio', { name: /small programs/ }).check();
  await measured(section, 'cannot be confirmed', 'The interval includes no change');
  await choose('v4-pro');
  await runOf(section).click();
  await section.getByRole('alert').waitFor();
  await expect('what was measured before stays', await section.locator('.picture').isVisible());
}
