// The host of the real window: each method is one command of the desktop process.
import { Channel, invoke } from '@tauri-apps/api/core';
import type { Host } from './host';
import type { AnswerEvent, AppEvent } from './types';

function channel<T>(callback: (event: T) => void): Channel<T> {
  const made = new Channel<T>();
  made.onmessage = callback;
  return made;
}

export const host: Host = {
  hardware: () => invoke('hardware'),
  hardwareMeasure: () => invoke('hardware_measure'),
  models: () => invoke('models'),
  recommendation: () => invoke('recommendation'),
  presets: () => invoke('presets'),
  modelRemove: (modelId) => invoke('model_remove', { modelId }),
  downloads: () => invoke('downloads'),
  downloadStart: (modelId, variantId, source) => invoke('download_start', { modelId, variantId, source }),
  downloadPause: (id) => invoke('download_pause', { id }),
  downloadResume: (id) => invoke('download_resume', { id }),
  downloadRemove: (id) => invoke('download_remove', { id }),
  chats: () => invoke('chats'),
  chatsSearch: (query) => invoke('chats_search', { query }),
  chatCreate: (modelId) => invoke('chat_create', { modelId }),
  chatGet: (id) => invoke('chat_get', { id }),
  chatRename: (id, title) => invoke('chat_rename', { id, title }),
  chatDelete: (id) => invoke('chat_delete', { id }),
  chatUpdate: (id, modelId, presetId, sampling, systemPrompt) =>
    invoke('chat_update', { id, modelId, presetId, sampling, systemPrompt }),
  chatSelectLeaf: (id, messageId) => invoke('chat_select_leaf', { id, messageId }),
  answerStart: (request, onEvent) => invoke('answer_start', { request, onEvent: channel<AnswerEvent>(onEvent) }),
  answerStop: (chatId) => invoke('answer_stop', { chatId }),
  worker: () => invoke('worker'),
  workerStart: (modelId) => invoke('worker_start', { modelId }),
  workerStop: () => invoke('worker_stop'),
  settings: () => invoke('settings'),
  settingsSave: (settings) => invoke('settings_save', { settings }),
  pickFolder: () => invoke('pick_folder'),
  openUrl: (url) => invoke('open_url', { url }),
  onEvent: (callback) => invoke('events_subscribe', { onEvent: channel<AppEvent>(callback) }),
};
