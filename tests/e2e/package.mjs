// The window of an unpacked package, with no variable that names a file of this checkout: it opens, and its Guide answers.
import { resolve } from 'node:path';

import { COMPOSER, button, freshHome } from './home.mjs';
import { Window, startDriver } from './webdriver.mjs';

const binary = resolve(process.env.WHALEDECK_BINARY);
const { environment, picture, remove } = freshHome('package');

const driver = await startDriver(environment);
try {
  const window = await Window.open(driver, binary);
  await window.click('//*[@data-action="try-now"]');
  await window.find(COMPOSER, 60);
  await window.type(COMPOSER, 'What can I do with Whaledeck?');
  await window.click(button('Send'));
  await window.find('//article[@data-role="assistant" and (@data-state="done" or @data-state="length")]', 60);
  await picture(window, 'answer');
  await window.close();
  console.log('the window of the package answers');
} finally {
  driver.stop();
  remove();
}
