// The few calls of the W3C WebDriver protocol that the window test needs, over plain fetch. It knows nothing of the app.
import { spawn } from 'node:child_process';

const ELEMENT = 'element-6066-11e4-a52e-4f735466cecf';
export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** Tries `probe` until it returns something true, or fails naming what was waited for. */
export async function until(what, probe, seconds = 30) {
  const end = Date.now() + seconds * 1000;
  let last;
  while (Date.now() < end) {
    try {
      const value = await probe();
      if (value) return value;
    } catch (error) {
      last = error;
    }
    await sleep(50);
  }
  throw new Error(`waited ${seconds} s for ${what}${last ? `: ${last.message}` : ''}`);
}

/** Starts WebKitWebDriver on a free port of loopback; `stop` ends it. */
export async function startDriver(environment) {
  const port = 4700 + (process.pid % 200);
  const process_ = spawn('WebKitWebDriver', [`--port=${port}`, '--host=127.0.0.1'], {
    env: { ...environment, TAURI_WEBVIEW_AUTOMATION: 'true' },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const base = `http://127.0.0.1:${port}`;
  await until('the driver', async () => (await fetch(`${base}/status`)).ok);
  return { base, stop: () => process_.kill() };
}

/** One window of the app under test. */
export class Window {
  static async open(driver, binary) {
    const body = { capabilities: { alwaysMatch: { 'webkitgtk:browserOptions': { binary, args: [] } } } };
    const value = await call(`${driver.base}/session`, 'POST', body);
    return new Window(`${driver.base}/session/${value.sessionId}`);
  }

  constructor(base) {
    this.base = base;
  }

  async close() {
    await call(this.base, 'DELETE');
  }

  async run(script, ...args) {
    return call(`${this.base}/execute/sync`, 'POST', { script, args });
  }

  async all(xpath) {
    const found = await call(`${this.base}/elements`, 'POST', { using: 'xpath', value: xpath });
    return found.map((element) => element[ELEMENT]);
  }

  /** Waits for an element and returns its id. */
  async find(xpath, seconds = 30) {
    return until(xpath, async () => (await this.all(xpath))[0], seconds);
  }

  /** Clicks once; what moves or is replaced at that moment is looked for again. */
  async click(xpath, seconds) {
    await until(
      `a click on ${xpath}`,
      async () => {
        const [id] = await this.all(xpath);
        if (id === undefined) return false;
        await call(`${this.base}/element/${id}/click`, 'POST', {});
        return true;
      },
      seconds,
    );
  }

  async type(xpath, text) {
    const id = await this.find(xpath);
    await call(`${this.base}/element/${id}/value`, 'POST', { text });
  }

  async text() {
    return this.run('return document.body.innerText');
  }

  async screenshot() {
    return Buffer.from(await call(`${this.base}/screenshot`, 'GET'), 'base64');
  }
}

async function call(url, method, body) {
  const response = await fetch(url, { method, body: body && JSON.stringify(body) });
  const { value } = await response.json();
  if (!response.ok) throw new Error(`${method} ${url}: ${value?.error} ${value?.message}`);
  return value;
}
