// The host of the real window: each method is one command of the desktop process.
import { Channel } from '@tauri-apps/api/core';
import { commands } from './bindings';
import type { Host } from './host';

function channel<T>(callback: (event: T) => void): Channel<T> {
  const made = new Channel<T>();
  made.onmessage = callback;
  return made;
}

const { answerStart, answerFollow, compareStart, evaluationStart, eventsSubscribe, ...rest } = commands;

export const host: Host = {
  ...rest,
  answerStart: (request, onEvent) => answerStart(request, channel(onEvent)),
  answerFollow: (chatId, onEvent) => answerFollow(chatId, channel(onEvent)),
  compareStart: (request, onEvent) => compareStart(request, channel(onEvent)),
  evaluationStart: (request, onEvent) => evaluationStart(request, channel(onEvent)),
  onEvent: (callback) => eventsSubscribe(channel(callback)),
};
