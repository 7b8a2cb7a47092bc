// Takes the pictures of docs/guides in both languages from the mock build: `npm run guide-pictures`. With a name
// (`node e2e/guides.mjs welcome`) it takes that picture only.
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { launch, preview } from './browser.mjs';
import { indexedPng } from './palette.mjs';
import { waits as toolWaits } from './tools.mjs';

const folder = fileURLToPath(new URL('../../docs/pictures/guides/', import.meta.url));
const [WIDTH, HEIGHT] = [1280, 800];
const press = (page, name) => page.getByRole('button', { name }).first().click();
const top = (page, place) =>
  page
    .locator(place)
    .first()
    .evaluate((e) => e.scrollIntoView({ block: 'start' }));
/** Name, state of the mock host and route; then what is done before the picture is taken. */
const PICTURES = {
  welcome: ['first', '/welcome'],
  guide: ['first', '/welcome', (page, t) => press(page, t('Try now', '立即试用'))],
  models: ['full', '/models'],
  sizing: ['full', '/sizing/deepseek-r1'],
  download: ['full', '/models', (page) => top(page, 'article[data-model="deepseek-r1-distill-qwen-7b"]')],
  sources: ['full', '/settings', (page) => top(page, 'section:has(#hugging_face_endpoint)')],
  samples: ['first', '/welcome', (page, t) => press(page, t('Try images', '试用图片'))],
  images: ['pictures', '/chat/p1', (page, t) => press(page, t('Show marks', '显示标记'))],
  documents: ['documents', '/chat/d1'],
  tools: ['tools', '/chat/t1', toolWaits],
  presets: ['full', '/chat?model=guide', (page, t) => press(page, t('Show preset panel', '显示预设面板'))],
  inside: [
    'full',
    '/chat?model=guide',
    async (page, t) => {
      await press(page, t('Show preset panel', '显示预设面板'));
      await page.getByRole('tab', { name: t('Inside', '内部状态') }).click();
      for (const question of [
        t('Which model for 24 GB?', '24 GB 用哪个模型？'),
        t('What do the presets change?', '预设会改变什么？'),
      ]) {
        const composer = page.getByRole('textbox', { name: t('Your message', '你的消息') });
        await composer.fill(question);
        await composer.press('Enter');
        await page.locator('article[data-state=streaming]').waitFor();
        await page.locator('article[data-state=streaming]').waitFor({ state: 'detached', timeout: 60_000 });
      }
      await page.getByRole('option').nth(6).click();
    },
  ],
  how: [
    'full',
    '/how',
    async (page, t) => {
      const routing = page.locator('main section.card').nth(1);
      await routing.locator('form button[type=submit]').click();
      await routing.locator('.picture').waitFor();
      await page.getByRole('heading', { name: t('Routing', '路由') }).evaluate((e) => e.scrollIntoView());
    },
  ],
  deployments: ['deployed', '/deployments'],
  'new-deployment': [
    'deployed',
    '/deployments',
    async (page, t) => {
      await press(page, t('New deployment', '新建部署'));
      await page.getByLabel(t('Another machine', '另一台机器')).check();
      await page.getByLabel(t('SSH name', 'SSH 名称')).fill('gpu1');
      await press(page, t('Detect', '检测'));
    },
  ],
  'api-server': ['shared', '/settings', (page) => top(page, 'section[aria-labelledby="sharing-title"]')],
  interrupted: ['interrupted', '/chat/c1'],
  unopened: ['unopened', '/chat'],
  prices: [
    'clouds',
    '/compare',
    async (page, t) => {
      await page
        .getByLabel(t('Your question', '你的问题'))
        .fill(t('Which model for 24 GB?', '24 GB 用哪个模型？'));
      await press(page, t('Ask both', '同时提问'));
      await page.locator('article[data-side-state=done]').nth(1).waitFor({ timeout: 20_000 });
      await page
        .locator('article[data-side-state] dl')
        .last()
        .evaluate((e) => e.scrollIntoView({ block: 'end' }));
    },
  ],
};

/** The pixels of a PNG, which Chromium decodes. */
async function pixels(page, png) {
  const base64 = await page.evaluate(async (data) => {
    const picture = await createImageBitmap(await (await fetch(`data:image/png;base64,${data}`)).blob());
    const pen = new OffscreenCanvas(picture.width, picture.height).getContext('2d');
    pen.drawImage(picture, 0, 0);
    const { data: rgba } = pen.getImageData(0, 0, picture.width, picture.height);
    const url = await new Promise((resolve) => {
      const reader = new FileReader();
      reader.onload = () => resolve(reader.result);
      reader.readAsDataURL(new Blob([rgba]));
    });
    return url.split(',')[1];
  }, png.toString('base64'));
  return Buffer.from(base64, 'base64');
}

const { address, stop } = await preview();
const browser = await launch();
const desk = await (await browser.newContext()).newPage();
let sum = 0;
try {
  for (const lang of ['en', 'zh']) {
    mkdirSync(`${folder}${lang}`, { recursive: true });
    const context = await browser.newContext({
      viewport: { width: WIDTH, height: HEIGHT },
      locale: lang === 'en' ? 'en-US' : 'zh-CN',
      reducedMotion: 'reduce',
    });
    for (const [name, [state, route, act]] of Object.entries(PICTURES)) {
      if (process.argv[2] && process.argv[2] !== name) continue;
      const page = await context.newPage();
      await page.goto(`${address}/?state=${state}&lang=${lang}&theme=light#${route}`);
      await page.waitForSelector('main h1, main [role=alert]');
      await act?.(page, (en, zh) => (lang === 'en' ? en : zh));
      // Nothing is under the pointer, and what opens has opened.
      await page.mouse.move(640, 1);
      await page.waitForTimeout(400);
      const png = await page.screenshot();
      const bytes = indexedPng(await pixels(desk, png), WIDTH, HEIGHT);
      writeFileSync(`${folder}${lang}/${name}.png`, bytes);
      sum += bytes.length;
      await page.close();
    }
    await context.close();
  }
  console.log(`guide pictures: ${(sum / 1e6).toFixed(2)} MB in ${folder}`);
} finally {
  await browser.close();
  stop();
}
