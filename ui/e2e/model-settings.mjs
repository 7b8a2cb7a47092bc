// The settings of a model in the page: what each takes of memory, a choice that does not fit, what is kept, and the
// unloading of the model.

export async function modelSettings(page, expect, judge) {
  const model = 'DeepSeek-R1-Distill-Qwen-1.5B';
  const open = page.getByRole('button', { name: `Settings of ${model}`, exact: true });
  await open.click();
  const dialog = page.getByRole('dialog', { name: `Settings of ${model}` });
  const memory = dialog.getByRole('region', { name: 'Memory' });
  await memory.getByText('Expected:').waitFor();
  await judge(page, 'model-settings');
  const save = dialog.getByRole('button', { name: 'Save' });
  const context = dialog.getByRole('slider', { name: 'Context' });
  await context.focus();
  await page.keyboard.press('End');
  await dialog.getByLabel('Conversations at once').selectOption('8');
  await dialog.getByLabel('KV cache', { exact: true }).selectOption('bf16');
  const problem = memory.getByRole('alert');
  await problem.waitFor();
  await expect('what does not fit is not saved', async () => await save.isDisabled());
  await judge(page, 'model-settings-too-large');
  await problem.getByRole('button', { name: /^Use / }).click();
  await problem.waitFor({ state: 'detached' });
  await dialog.getByLabel('Unload when idle').selectOption('15');
  await save.click();
  await dialog.waitFor({ state: 'detached' });
  await open.click();
  const kept = await dialog.getByLabel('Conversations at once').inputValue();
  expect('the settings are kept', kept === '8');
  await dialog.locator('summary').click();
  await judge(page, 'model-settings-history');
  await dialog.getByRole('button', { name: 'Defaults' }).click();
  await expect(
    'defaults begin again',
    async () => (await dialog.getByLabel('Unload when idle').inputValue()) === '0',
  );
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
}

/** The loaded model is unloaded from its card. */
export async function unload(page, expect) {
  const button = page.getByRole('button', { name: /^Unload / });
  await button.click();
  await button.waitFor({ state: 'detached' });
  await expect(
    'nothing is loaded any more',
    async () => (await page.getByText('In memory', { exact: true }).count()) === 0,
  );
}
