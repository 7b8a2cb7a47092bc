// What a person does in the forms of the window, and the cloud of the tests.
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';

import { button } from './home.mjs';

export const page = (window, name) => window.click(`//a[normalize-space(.)="${name}"]`);
export const fill = async (window, label, text) => {
  await window.run(`const box = document.getElementById(arguments[0]); box.scrollIntoView({ block: 'center' }); box.value = ''; box.dispatchEvent(new Event('input', { bubbles: true }))`, label);
  await window.type(`//*[@id="${label}"]`, text);
};
export const choose = (window, label, value) =>
  window.run(`const box = document.getElementById(arguments[0]); box.value = arguments[1]; if (box.value !== arguments[1]) throw new Error('no choice ' + arguments[1]); box.dispatchEvent(new Event('change', { bubbles: true }))`, label, value);
export const open = (window, summary) =>
  window.run(`for (const one of document.querySelectorAll('main details > summary')) if (one.textContent.trim() === arguments[0] && !one.parentElement.open) one.click()`, summary);

/** A service of the person's own, by its address, as it is added in Settings. */
export async function addService(window, picture, name, address, key, model) {
  await page(window, 'Settings');
  await window.find('//*[@id="cloud-provider"]');
  await choose(window, 'cloud-provider', 'custom');
  await fill(window, 'cloud-address', address);
  if (key) await fill(window, 'cloud-key', key);
  await open(window, 'More options');
  if (model) await fill(window, 'cloud-model', model);
  await fill(window, 'cloud-name', name);
  await window.click(button('Add and test'));
  const passed = `//*[@data-endpoint]//h3[.="${name}"]/ancestor::article//li[contains(., "First token of an answer") and contains(., "Passed")]`;
  await window.find(passed, 90);
  await window.run(`document.querySelector('[data-endpoint]:last-of-type').scrollIntoView({ block: 'center' })`);
  await picture(window, `${name}-added`.toLowerCase().replaceAll(' ', '-'));
  await window.click(button(`Chat on ${name}`));
}

/** The cloud of the tests in a process of its own. */
export async function testCloud(program, key) {
  const server = spawn(resolve(program), [key], { stdio: ['ignore', 'pipe', 'inherit'] });
  const address = await new Promise((found) => createInterface({ input: server.stdout }).once('line', found));
  return { address, end: () => server.kill() };
}
