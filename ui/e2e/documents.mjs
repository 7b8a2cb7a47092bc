// Steps through documents in a chat: attach by choosing and dropping, what cannot be read, a scan, one that is too long, and
// the passages that an answer cites. `expect(what, holds)` takes note of what does not hold.
const file = (name, text = 'Ellen Voss opened the harbour.') => ({
  name,
  mimeType: name.endsWith('.pdf') ? 'application/pdf' : 'text/plain',
  buffer: Buffer.from(text),
});
const choose = (page, files) => page.locator('input[type=file]').setInputFiles(files);

export async function documents(page, expect, picture) {
  const cards = page.getByRole('list', { name: 'Attached documents' }).getByRole('listitem');
  const send = page.getByRole('button', { name: 'Send', exact: true });
  await expect('nothing to send yet', async () => await send.isDisabled());
  await choose(page, [file('notes.md'), file('broken.docx')]);
  await cards.getByText('notes.md').waitFor({ timeout: 20_000 });
  await page.getByText('This document is damaged').waitFor({ timeout: 20_000 });
  await expect('a document alone can be sent', async () => await send.isEnabled());
  await cards.getByRole('button', { name: /^notes\.md/ }).click();
  await page.getByRole('dialog', { name: 'notes.md' }).getByText('Page 1 of 1').waitFor({ timeout: 20_000 });
  await page.keyboard.press('Escape');
  await choose(page, [file('scan.pdf'), file('book.pdf')]);
  await page.getByText('pages 1, 2, 3 are scanned images').waitFor({ timeout: 20_000 });
  await page.getByText('A vision model can read them').waitFor({ timeout: 20_000 });
  await page.getByText('Too long for the context').waitFor({ timeout: 20_000 });
  await picture(page, 'documents-attached');
  await page.getByRole('button', { name: 'Remove scan.pdf' }).click();
  await expect('two are left', async () => (await cards.count()) === 2);
  await page.locator('.composer textarea').fill('Who opened the harbour?');
  await page.waitForTimeout(500);
  await send.click();
  const sent = page.locator('article[data-role=user]').last();
  await sent.getByText('book.pdf').waitFor({ timeout: 20_000 });
  await expect('the composer is empty', async () => (await cards.count()) === 0);
}

export async function passages(page, expect, picture) {
  const answer = page.locator('article[data-role=assistant]').last();
  const citations = answer.locator('button.citation');
  await citations.first().waitFor({ timeout: 20_000 });
  await expect(
    'every citation is a number',
    async () => (await citations.allTextContents()).join() === '2,2,1',
  );
  await answer.getByText('Cited passages').waitFor({ timeout: 20_000 });
  await citations.first().click();
  const dialog = page.getByRole('dialog');
  await expect('the passage is marked on its page', async () =>
    (await dialog.locator('mark').textContent()).startsWith('The lighthouse keeper'),
  );
  await dialog.getByText('page 237').waitFor({ timeout: 20_000 });
  await picture(page, 'documents-page');
  await dialog.getByRole('button', { name: 'Next page' }).click();
  await dialog.getByText('Skell-238').waitFor({ timeout: 20_000 });
  await page.keyboard.press('Escape');
  await answer.getByText('2 more passages were given to the model').click();
  await answer.getByRole('button', { name: /fees\.xlsx/ }).click();
  await page.getByRole('dialog').getByText('Fees', { exact: true }).waitFor({ timeout: 20_000 });
  await page.keyboard.press('Escape');
}
