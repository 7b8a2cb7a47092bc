// Starts that fail, a disk that is full, and a web process that dies, in the real window: each shows a page with what happened and
// leads on. Every folder is a fresh one. Pictures go to artefacts/.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join, resolve } from 'node:path';

import { COMPOSER, button, freshHome } from './home.mjs';
import { Window, sleep, startDriver, until } from './webdriver.mjs';

const binary = resolve(process.env.WHALEDECK_BINARY);
const { home, environment, artefacts, picture, remove } = freshHome('starts');
const data = environment.WHALEDECK_DATA;
const history = join(data, 'history.db');
const shows = (window, text) => until(`"${text}"`, async () => (await window.text()).includes(text), 30);

/** Random bytes in place of the chats, and one setting that is none: a page, not an empty screen, and the file is kept. */
async function damaged(driver) {
  mkdirSync(data, { recursive: true });
  const garbage = randomBytes(20_000);
  writeFileSync(history, garbage);
  writeFileSync(join(data, 'settings.toml'), 'version = 1\ntheme = "purple"\nlanguage = "en"\nwelcomed = false\n');
  const window = await Window.open(driver, binary);
  await window.find('//h1[.="Your chats are not open"]');
  await shows(window, 'Your chats cannot be opened');
  await shows(window, 'theme = "purple"');
  await picture(window, '1-damaged');
  await window.click(button('Close'), 5);
  await window.click(button('Try again'));
  await sleep(300);
  await shows(window, 'Your chats cannot be opened');
  if ((await window.all(button('Open read-only'))).length !== 0) throw new Error('bytes that are no database cannot be read');
  await window.click(button('Start with empty chats'));
  await window.find('//*[@data-action="try-now"]');
  const kept = readdirSync(join(data, 'backups')).filter((name) => name.endsWith('-replaced'));
  if (kept.length !== 1 || !readFileSync(join(data, 'backups', kept[0], 'history.db')).equals(garbage)) throw new Error(`kept: ${kept}`);
  await window.close();
}

const read = (pid, file) => { try { return readFileSync(`/proc/${pid}/${file}`, 'utf8'); } catch { return ''; } };
const parentOf = (pid) => read(pid, 'stat').replace(/^.*\) /, '').split(' ')[1];

/** The pid of the process that draws the page of this program. */
function webProcess() {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const own = (pid) => read(pid, 'environ').includes(`WHALEDECK_DATA=${data}`);
  return pids.find((pid) => read(pid, 'comm').startsWith('WebKitWebProces') && own(pid) && read(parentOf(pid), 'comm').startsWith('whaledeck'));
}

/** The page comes back by itself, three times, and the chat is kept. */
async function killed(driver) {
  const window = await Window.open(driver, binary);
  await window.click(button('Try now'));
  await window.find(COMPOSER, 60);
  await window.type(COMPOSER, 'Which DeepSeek model should I run on a 24 GB GPU?');
  await window.click(button('Send'));
  // From here on the question and the beginning of its answer are kept.
  await window.find('//article[@data-role="assistant"]', 60);
  for (let death = 1; death <= 3; death += 1) {
    const before = await until('the web process', () => webProcess());
    process.kill(Number(before), 'SIGKILL');
    const after = await until('another web process', () => { const now = webProcess(); return now !== before && now; });
    console.log(`web process ${before} was killed, ${after} took its place`);
    await sleep(700);
  }
  // The driver's session ended with the process that it spoke to, so the app is asked to end and opened again.
  const app = Number(parentOf(webProcess()));
  process.kill(app, 'SIGKILL');
  await until('the end of the app', () => { try { process.kill(app, 0); return false; } catch { return true; } });
  await window.close().catch(() => undefined);
  const again = await Window.open(driver, binary);
  await shows(again, 'Which DeepSeek model should I run on a 24 GB GPU?');
  await picture(again, '2-killed');
  await again.close();
}

/** Data and cache on a disk of three megabytes that is full. */
async function full(driver) {
  const small = join(home, 'small');
  const start = join(home, 'start-on-a-full-disk');
  mkdirSync(small);
  const script = `mount -t tmpfs -o size=3m tmpfs '${small}' && cp -a '${data}/.' '${small}' || exit 99
rm -f '${small}/history.db-shm'; mkdir -p '${small}/cache'; head -c 8m /dev/zero > '${small}/filler' 2>/dev/null
export WHALEDECK_DATA='${small}' XDG_CACHE_HOME='${small}/cache'; exec "$@"`;
  const unshare = ['--user', '--map-root-user', '--mount', 'sh', '-c', script, 'sh'];
  const tried = spawnSync('unshare', [...unshare, 'true'], { encoding: 'utf8' });
  if (tried.status !== 0) {
    console.log(`not run: this system lets nobody mount a small disk: ${tried.stderr?.trim()}`);
    return;
  }
  const quoted = unshare.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
  writeFileSync(start, `#!/bin/sh\nexec unshare ${quoted} '${binary}' "$@"\n`);
  chmodSync(start, 0o755);
  const window = await Window.open(driver, start);
  await window.find('//h1[.="Your chats are not open"]');
  await shows(window, 'Not enough space on the disk');
  await picture(window, '3-full');
  await window.click(button('Open read-only'));
  await shows(window, 'Read-only: nothing can be sent');
  await shows(window, 'Which DeepSeek model should I run on a 24 GB GPU?');
  await picture(window, '4-read-only');
  await window.close();
}

const driver = await startDriver(environment);
try {
  await damaged(driver);
  await killed(driver);
  await full(driver);
  console.log(`every start shows a page; pictures in ${artefacts}`);
} finally {
  driver.stop();
  remove();
}
