// The real window, driven as a person would: first run, Try now, a question, Stop, a preset, close, reopen, a picture, a paste, a document, a start that meets an end.
// Every folder is a fresh one, so nothing of the developer's own is read or written. Screenshots go to artefacts/.
import { execFileSync, spawn } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { COMPOSER, button, freshHome } from './home.mjs';
import { Window, sleep, startDriver, until } from './webdriver.mjs';

const binary = resolve(process.env.WHALEDECK_BINARY);
const { environment, artefacts, picture, remove } = freshHome('window');

const QUESTION = 'Which DeepSeek model should I run on a 24 GB GPU?';

async function firstRun(driver) {
  const start = Date.now();
  const window = await Window.open(driver, binary);
  await window.find('//h1');
  console.log(`window with its first page after ${Date.now() - start} ms, driver included`);
  await window.find('//*[@data-action="try-now"]');
  await until('what the computer has', async () => /free of/.test(await window.text()));
  await sleep(300);
  await picture(window, '1-first-run');

  await window.click(button('Try now'));
  await window.find(COMPOSER, 60);
  await window.type(COMPOSER, QUESTION);
  await window.click(button('Send'));
  await until('the answer', async () => /14B|32B/.test(await window.text()), 60);
  await until('the end of the answer', async () => (await window.all(button('Stop'))).length === 0, 60);
  await picture(window, '2-answer');

  await window.type(COMPOSER, 'What can I do with Whaledeck?');
  await window.click(button('Send'));
  const stops = await window.all(button('Stop'));
  if (stops.length) await window.click(button('Stop')).catch(() => console.log('the answer ended before Stop'));
  await until('the end after Stop', async () => (await window.all(button('Stop'))).length === 0, 20);
  await picture(window, '3-stopped');

  await window.click(button('Show preset panel'), 3).catch(() => {});
  await window.click(button('Creative'));
  await sleep(300);
  await picture(window, '4-preset');
  await window.close();
}

async function reopened(driver) {
  const window = await Window.open(driver, binary);
  await until('the chat after a restart', async () => (await window.text()).includes('R1-Distill-Qwen-14B'), 30);
  await picture(window, '5-reopened');
  await shows(window);
  await shoots(window);
  await pastes(window);
  await reads(window);
  await window.close();
}

/** A start that hands itself to a window which ends just then opens one of its own. */
async function handedToNobody(driver) {
  const first = spawn(binary, { env: environment, stdio: 'inherit' });
  const named = () => /whaledeck\S*SingleInstance/.test(execFileSync('dbus-send', ['--session', '--print-reply', '--dest=org.freedesktop.DBus', '/', 'org.freedesktop.DBus.ListNames']).toString());
  await until('the name of the first window on the bus', async () => named(), 30);
  first.kill('SIGSTOP');
  const opening = Window.open(driver, binary);
  await sleep(2000);
  first.kill('SIGKILL');
  const window = await opening;
  await until('the chat in a window of its own', async () => (await window.text()).includes('R1-Distill-Qwen-14B'), 30);
  await window.close();
}

/** A picture dropped on the chat is kept beside the history, shown, and said to be nothing for a model of text alone. */
async function shows(window) {
  await window.run(`
    const canvas = Object.assign(document.createElement('canvas'), { width: 60, height: 40 });
    canvas.getContext('2d').fillRect(10, 10, 20, 20);
    const bytes = Uint8Array.from(atob(canvas.toDataURL('image/png').split(',')[1]), (letter) => letter.charCodeAt(0));
    const data = new DataTransfer();
    data.items.add(new File([bytes], 'drawn.png', { type: 'image/png' }));
    document.querySelector('.chat').dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));
  `);
  await until('the picture in the composer', () => window.run("return [...document.querySelectorAll('.attached img')].some((one) => one.naturalWidth === 60)"));
  await until('that the Guide does not see', async () => /reads text only, no images/.test(await window.text()));
  const kept = readdirSync(join(environment.WHALEDECK_DATA, 'pictures'));
  if (kept.length !== 1 || !/^[0-9a-f]{64}\.png$/.test(kept[0])) throw new Error(`kept beside the history: ${kept}`);
  await picture(window, '6-picture');
  await window.click(button('Remove image 1'));
  await until('the end of its file', () => readdirSync(join(environment.WHALEDECK_DATA, 'pictures')).length === 0);
}

const CTRL_V = '\uE009v';
/** Puts something on the real clipboard. */
function clipboard(type, input, ...file) {
  execFileSync('xclip', ['-selection', 'clipboard', '-t', type, ...file], { env: environment, input, stdio: ['pipe', 'ignore', 'inherit'] });
}

/** An image and a copied file on a real clipboard, whose bytes WebKitGTK does not give to the page. */
async function pastes(window) {
  const image = resolve('tests/fixtures/guide-vision/00.png');
  const attachments = (count) => until(`${count} pasted images in the composer`, () => window.run(`return [...document.querySelectorAll('.attached img')].filter((one) => one.naturalWidth > 0).length === ${count}`));
  const paste = () => window.type(COMPOSER, CTRL_V);
  clipboard('image/png', undefined, '-i', image);
  await paste();
  await attachments(1);
  clipboard('text/uri-list', `file://${resolve('tests/fixtures/guide-vision/01.png')}\r\n`);
  await paste();
  await attachments(2);
  await picture(window, '9-pasted');
  clipboard('UTF8_STRING', 'words of another program');
  await paste();
  await until('the pasted words', () => window.run("return document.querySelector('.composer textarea').value === 'words of another program'"));
  await attachments(2);
  for (const at of [2, 1]) await window.click(button(`Remove image ${at}`));
  await window.run("const box = document.querySelector('.composer textarea'); box.value = ''; box.dispatchEvent(new Event('input', { bubbles: true }));");
}

/** A copied document: its card, the question that it is sent with, and its text. */
async function reads(window) {
  const file = join(environment.WHALEDECK_DATA, 'harbour.md');
  writeFileSync(file, '# Port Ellery\n\nEllen Voss opened the harbour in 1904.\n');
  const cards = (place) => window.run(`return document.querySelectorAll('${place} [data-document]').length === 1`);
  clipboard('text/uri-list', `file://${file}\r\n`);
  await window.type(COMPOSER, CTRL_V);
  await until('the card of the document', () => cards('.composer'));
  await picture(window, '11-document');
  await window.type(COMPOSER, 'Who opened the harbour?');
  await window.click(button('Send'));
  await until('the sent document', () => cards('article[data-role=user]'));
  await until('the end of the answer', async () => (await window.all(button('Stop'))).length === 0, 60);
  await window.run("document.querySelector('article[data-role=user] [data-document] button').click()");
  await until('the text of the document', () => window.run("return document.querySelector('[role=dialog]')?.textContent.includes('Ellen Voss') === true"));
  await picture(window, '12-document-text');
  await window.click(button('Close'));
}

/** A part of the screen, as X11 without a portal gives it: the window steps aside, comes back, and the part is attached. */
async function shoots(window) {
  const part = '//button[starts-with(@aria-label, "The area to attach.")]';
  const screen = "document.querySelector('[role=dialog] img')";
  await window.click(button('Take a screenshot'));
  await window.find(part);
  const [width, height] = await window.run(`return [${screen}.naturalWidth, ${screen}.naturalHeight]`);
  if (width !== 1280 || height !== 800) throw new Error(`the screen has 1280 x 800 pixels, the picture ${width} x ${height}`);
  const colours = await window.run(`
    const canvas = Object.assign(document.createElement('canvas'), { width: 1280, height: 800 });
    const pen = canvas.getContext('2d');
    pen.drawImage(${screen}, 0, 0);
    return new Set(new Uint32Array(pen.getImageData(0, 0, 1280, 800).data.buffer)).size;
  `);
  // The bare screen of the test is of one colour, or of two in turns.
  if (colours > 2) throw new Error(`the window did not step aside: ${colours} colours`);
  if ((await window.run('return document.visibilityState')) !== 'visible') throw new Error('the window did not come back');
  await picture(window, '7-screen');
  await window.type(part, '\uE007');
  await until('the part in the composer', () => window.run("return [...document.querySelectorAll('.attached img')].some((one) => one.naturalWidth === 640 && one.naturalHeight === 400)"));
  await picture(window, '8-part');
  await window.click(button('Remove image 1'));
  await window.click(button('Take a screenshot'));
  await window.find(part);
  await window.type(part, '\uE00C');
  await until('the end of the dialog at Esc', async () => (await window.all(part)).length === 0);
  if ((await window.run("return document.querySelectorAll('.attached img').length")) !== 0) throw new Error('Esc attached something');
}

const driver = await startDriver(environment);
try {
  await firstRun(driver);
  await reopened(driver);
  await handedToNobody(driver);
  console.log(`the window does its job; pictures in ${artefacts}`);
} finally {
  driver.stop();
  remove();
}
