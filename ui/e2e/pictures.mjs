// Steps through pictures in a chat: attach by choosing, pasting and dropping, what they cost, a model that does not see, and
// the viewer by keyboard. `expect(what, holds)` takes note of what does not hold.

/** A PNG of one colour, made by the page itself. */
async function png(page, width, height) {
  const url = await page.evaluate(
    ([w, h]) => {
      const canvas = Object.assign(document.createElement('canvas'), { width: w, height: h });
      const pen = canvas.getContext('2d');
      pen.fillStyle = `hsl(${w % 360} 60% 50%)`;
      pen.fillRect(0, 0, w, h);
      return canvas.toDataURL('image/png');
    },
    [width, height],
  );
  return Buffer.from(url.split(',')[1], 'base64');
}
const file = (name, buffer) => ({ name, mimeType: 'image/png', buffer });
const choose = (page, files) => page.locator('input[type=file]').setInputFiles(files);

/** As a browser brings files: on the clipboard, or held over the page. */
async function bring(page, kind, buffer, text = '') {
  await page.evaluate(
    ([event, base64, words]) => {
      const data = new DataTransfer();
      const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
      data.items.add(new File([bytes], 'brought.png', { type: 'image/png' }));
      if (words) data.setData('text/plain', words);
      const target =
        event === 'paste' ? document.querySelector('.composer textarea') : document.querySelector('.chat');
      const made =
        event === 'paste'
          ? new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true })
          : new DragEvent(event, { dataTransfer: data, bubbles: true, cancelable: true });
      target.dispatchEvent(made);
    },
    [kind, buffer.toString('base64'), text],
  );
}

export async function attach(page, expect, picture) {
  const thumbs = page.getByRole('list', { name: 'Attached images' }).getByRole('listitem');
  const send = page.getByRole('button', { name: 'Send', exact: true });
  await expect('nothing to send yet', async () => await send.isDisabled());
  await choose(page, [file('wide.png', await png(page, 800, 400))]);
  await thumbs.getByText('2 × 1 tiles + overview').waitFor({ timeout: 20_000 });
  await thumbs.getByText('617 tokens').waitFor({ timeout: 20_000 });
  await page.getByText('2 images of this chat take 1,234 of 4,096 tokens').waitFor({ timeout: 20_000 });
  await expect('a picture alone can be sent', async () => await send.isEnabled());
  await bring(page, 'paste', await png(page, 300, 300), 'words come first');
  await page.waitForTimeout(150);
  await expect('words on the clipboard are not a picture', async () => (await thumbs.count()) === 1);
  await bring(page, 'paste', await png(page, 301, 301));
  await thumbs.nth(1).waitFor({ timeout: 20_000 });
  await thumbs.getByText('1 × 1 tile + overview').first().waitFor({ timeout: 20_000 });
  await bring(page, 'dragenter', await png(page, 302, 302));
  await page.getByText('Drop images or documents here').waitFor({ timeout: 20_000 });
  await bring(page, 'drop', await png(page, 302, 302));
  await thumbs.nth(2).waitFor({ timeout: 20_000 });
  await expect(
    'the place to drop goes',
    async () => (await page.getByText('Drop images or documents here').count()) === 0,
  );
  await page.getByRole('button', { name: 'Remove image 2' }).click();
  await thumbs.nth(2).waitFor({ state: 'detached' });
  await choose(page, [file('words.png', Buffer.from('no picture'))]);
  await page.getByRole('alert').getByText('This file is not an image').waitFor({ timeout: 20_000 });
  // Made by the page: over the protocol of the browser it would take long.
  await page.evaluate(() => {
    const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(33 << 20)], 'huge.png', { type: 'image/png' }));
    document
      .querySelector('.chat')
      .dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));
  });
  await page.getByRole('alert').getByText('this one has 34.6 MB').waitFor({ timeout: 20_000 });
  await expect('what was refused is not attached', async () => (await thumbs.count()) === 2);
  await picture(page, 'picture-refused');
  await page.locator('.refused').getByRole('button', { name: 'Close' }).click();
  await page.locator('.refused').waitFor({ state: 'detached' });
  const box = page.getByRole('textbox', { name: 'Your message' });
  await box.fill('Which of these is larger?');
  await box.press('Enter');
  const sent = page.locator('article[data-role=user]', { hasText: 'Which of these' });
  await sent.getByRole('button', { name: 'Open image 2' }).waitFor({ timeout: 20_000 });
  await expect('the composer is empty again', async () => (await thumbs.count()) === 0);
  await page
    .locator('article[data-role=assistant][data-state=done]', { hasText: 'Pick the smaller' })
    .waitFor({ timeout: 60_000 });
  await box.press('ArrowUp');
  await page.locator('.edit').getByRole('button', { name: 'Remove image 1' }).click();
  await page.getByRole('textbox', { name: 'Edit your message' }).fill('And this one?');
  // By keyboard: the list still settles round the removed picture, and a click could meet it moving.
  await page.getByRole('button', { name: 'Send as new branch' }).press('Enter');
  await page.locator('.edit').waitFor({ state: 'detached' });
  const branch = page.locator('article[data-role=user]', { hasText: 'And this one?' });
  await branch.getByRole('button', { name: 'Open image 1' }).waitFor({ timeout: 20_000 });
  await expect(
    'an edited message keeps the rest of its pictures',
    async () => (await branch.getByRole('button', { name: /^Open image/ }).count()) === 1,
  );
}

/** A model of text alone. */
export async function blind(page, expect, picture) {
  await choose(page, [file('a.png', await png(page, 400, 400))]);
  const notice = page.getByRole('status').filter({ hasText: 'reads text only, no images' });
  await notice.waitFor({ timeout: 20_000 });
  await notice.getByRole('button', { name: 'Get DeepSeek-VL2-Tiny (6.7 GB)' }).waitFor({ timeout: 20_000 });
  const box = page.getByRole('textbox', { name: 'Your message' });
  await box.fill('What is this?');
  await expect(
    'nothing is sent before it is decided',
    async () => await page.getByRole('button', { name: 'Send', exact: true }).isDisabled(),
  );
  await box.press('Enter');
  await expect('nor by Enter', async () => (await page.locator('article').count()) === 0);
  await picture(page, 'blind');
  await notice.getByRole('button', { name: 'Ask without the images' }).click();
  await page.getByText('does not get the images of this chat').waitFor({ timeout: 20_000 });
  await box.press('Enter');
  await page
    .locator('article[data-role=user]')
    .getByRole('button', { name: 'Open image 1' })
    .waitFor({ timeout: 20_000 });
  await page.locator('article[data-role=assistant][data-state=done]').waitFor({ timeout: 60_000 });
  await page.getByText('Written without the images.').waitFor({ timeout: 20_000 });
  await picture(page, 'blind-answer');
}

/** By keyboard. */
export async function viewer(page, expect, picture) {
  const list = page.getByRole('group', { name: 'Marked in the image' });
  await expect(
    'marks are listed as text',
    async () =>
      (await list.getByRole('listitem').allInnerTexts()).join() ===
      'the whale 166, 320 – 640, 531,a boat with a white sail 806, 154 – 1126, 493',
  );
  await list.getByRole('button', { name: 'Show marks' }).focus();
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog', { name: 'Image' });
  await dialog.locator('.mark').nth(1).waitFor({ timeout: 20_000 });
  const [mark, image] = await Promise.all([
    dialog.locator('.mark').first().boundingBox(),
    dialog.locator('img').boundingBox(),
  ]);
  expect(
    'a mark lies where the answer said',
    Math.abs((mark.x - image.x) / image.width - 166 / 1280) < 0.01 &&
      Math.abs((mark.y - image.y) / image.height - 0.5) < 0.01,
  );
  expect('the picture is shown in its own shape', Math.abs(image.width / image.height - 2) < 0.02);
  await dialog.getByRole('button', { name: /^2 a boat/ }).focus();
  await page.keyboard.press('Space');
  await expect('a mark can be chosen', async () => (await dialog.locator('.mark.chosen').count()) === 1);
  await picture(page, 'viewer');
  await dialog.getByRole('button', { name: 'Hide marks' }).click();
  await expect('marks can be hidden', async () => (await dialog.locator('.mark').count()) === 0);
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Open image 1' }).press('Enter');
  await dialog.locator('.mark').first().waitFor({ timeout: 20_000 });
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  // Several attached pictures are turned like pages.
  await choose(page, [file('a.png', await png(page, 640, 320)), file('b.png', await png(page, 320, 640))]);
  await page
    .getByRole('list', { name: 'Attached images' })
    .getByRole('button', { name: 'Open image 1' })
    .click();
  await page.keyboard.press('ArrowRight');
  await dialog.getByText('320 × 640 pixels').waitFor({ timeout: 20_000 });
  await page.keyboard.press('Escape');
}

/** An attached picture and the viewer. */
export async function look(page, judge, name) {
  await choose(page, [file('wide.png', await png(page, 900, 450))]);
  await page.locator('.attached li').first().waitFor({ timeout: 20_000 });
  await page.waitForTimeout(300);
  await judge(page, `attached-${name}`);
  await page.locator('[data-message=p-m2] [role=group] button').click();
  await page.locator('[role=dialog] .mark').first().waitFor({ timeout: 20_000 });
  await page.waitForTimeout(100);
  await judge(page, `viewer-${name}`);
}

/** A part of the screen, by keyboard and by pointer. */
export async function screen(page, expect, judge) {
  const shoot = page.getByRole('button', { name: 'Take a screenshot' });
  const dialog = page.getByRole('dialog', { name: 'Select an area' });
  const thumbs = page.getByRole('list', { name: 'Attached images' });
  await shoot.focus();
  await page.keyboard.press('Enter');
  await dialog.getByText('800 × 450 pixels').waitFor({ timeout: 20_000 });
  await judge(page, 'screen-cut');
  for (const key of ['ArrowLeft', 'ArrowUp', 'Shift+ArrowRight', 'Shift+ArrowRight', 'Control+ArrowDown'])
    await page.keyboard.press(key);
  await dialog.getByText('832 × 450 pixels').waitFor({ timeout: 20_000 });
  await page.keyboard.press('Enter');
  await thumbs.getByTitle('832 × 450 pixels').waitFor({ timeout: 20_000 });
  await expect(
    'the message is written on',
    async () =>
      await page
        .getByRole('textbox', { name: 'Your message' })
        .evaluate((box) => box === document.activeElement),
  );
  await shoot.click();
  const shown = await dialog.locator('img').boundingBox();
  const at = (x, y) => [shown.x + (x / 1600) * shown.width, shown.y + (y / 900) * shown.height];
  await page.mouse.move(...at(40, 40));
  await page.mouse.down();
  await page.mouse.move(...at(200, 60), { steps: 3 });
  await page.mouse.move(...at(360, 120), { steps: 3 });
  await page.mouse.up();
  const size = (await dialog.getByRole('status').innerText()).split(' ');
  expect('the pointer draws the part', Math.abs(size[0] - 320) < 4 && Math.abs(size[2] - 80) < 4);
  await dialog.getByRole('button', { name: 'Attach this area' }).click();
  await thumbs.getByRole('listitem').nth(1).waitFor({ timeout: 20_000 });
  await shoot.click();
  await dialog.waitFor();
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  await expect('Esc attaches nothing', async () => (await thumbs.getByRole('listitem').count()) === 2);
}

/** The desktop refuses, or leaves the picture on the clipboard. */
export async function refused(page, expect, judge) {
  await page.getByRole('button', { name: 'Close', exact: true }).click();
  await page.getByRole('button', { name: 'Take a screenshot' }).click();
  await page.getByRole('alert').getByText('The desktop refused the screenshot').waitFor({ timeout: 20_000 });
  await expect('nothing is cut', async () => (await page.getByRole('dialog').count()) === 0);
  await judge(page, 'screen-refused');
}
export async function clipboard(page) {
  await page.getByRole('button', { name: 'Take a screenshot' }).click();
  await page.getByText('paste it here with Ctrl+V').waitFor({ timeout: 20_000 });
  await bring(page, 'paste', await png(page, 200, 100));
  await page
    .getByRole('list', { name: 'Attached images' })
    .getByRole('listitem')
    .first()
    .waitFor({ timeout: 20_000 });
  await page.getByText('paste it here with Ctrl+V').waitFor({ state: 'detached', timeout: 20_000 });
}

/** "Try images": samples that one click attaches, and questions about what is attached. */
export async function samples(page, expect, picture) {
  await page.getByRole('button', { name: 'Try images' }).click();
  const offered = page.getByRole('list', { name: 'Sample images' }).getByRole('button');
  await offered.first().waitFor({ timeout: 20_000 });
  await expect('four samples are offered', async () => (await offered.count()) === 4);
  const notice = page.locator('[data-notice=guide]');
  await expect(
    'the line leads to a model that sees photographs',
    async () => await notice.getByRole('button', { name: 'Download DeepSeek-VL2-Tiny (6.7 GB)' }).isVisible(),
  );
  const questions = page.getByRole('list', { name: 'Suggested questions' }).getByRole('button');
  await expect('no question is about the app', async () =>
    (await questions.allInnerTexts()).every((text) => !text.includes('Whaledeck')),
  );
  const thumbs = page.getByRole('list', { name: 'Attached images' }).getByRole('listitem');
  await offered.nth(1).click();
  await thumbs.first().waitFor({ timeout: 20_000 });
  await questions.filter({ hasText: 'What is the value of C?' }).waitFor({ timeout: 20_000 });
  await offered.nth(1).click();
  await page.waitForTimeout(150);
  await expect('the same sample is attached once', async () => (await thumbs.count()) === 1);
  await picture(page, 'samples-chosen');
  await page.getByRole('button', { name: 'Remove image 1' }).click();
  await questions.filter({ hasText: 'What do you see?' }).waitFor({ timeout: 20_000 });
  await choose(page, [file('own.png', await png(page, 256, 256))]);
  await questions.filter({ hasText: 'What kind of picture is this?' }).waitFor({ timeout: 20_000 });
  await page.getByRole('button', { name: 'Remove image 1' }).click();
  // With nothing attached a question brings its sample.
  await questions.filter({ hasText: 'Which bar is the highest?' }).click();
  const sent = page.locator('article[data-role=user]', { hasText: 'Which bar is the highest?' });
  await sent.getByRole('button', { name: 'Open image 1' }).waitFor({ timeout: 20_000 });
  await page.locator('article[data-role=assistant][data-state=done]').waitFor({ timeout: 60_000 });
}
