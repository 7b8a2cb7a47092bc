// What the page may ask of the app, one method per command. Every method rejects with an `ErrorView`.
// Says nothing about how the question travels: tauri.ts and mock.ts do.
import type {
  AnswerEvent, AppEvent, ChatSummary, ChatView, DownloadView, HardwareView, ModelView, PresetView,
  RecommendationView, SamplingView, SendRequest, SettingsView, SourceKind, WorkerView,
} from './types';

export interface Host {
  hardware(): Promise<HardwareView>;
  hardwareMeasure(): Promise<HardwareView>;
  models(): Promise<ModelView[]>;
  recommendation(): Promise<RecommendationView>;
  presets(): Promise<PresetView[]>;
  modelRemove(modelId: string): Promise<void>;
  downloads(): Promise<DownloadView[]>;
  downloadStart(modelId: string, variantId: string, source: SourceKind): Promise<DownloadView>;
  downloadPause(id: string): Promise<void>;
  downloadResume(id: string): Promise<void>;
  downloadRemove(id: string): Promise<void>;
  chats(): Promise<ChatSummary[]>;
  chatsSearch(query: string): Promise<ChatSummary[]>;
  chatCreate(modelId: string): Promise<ChatView>;
  chatGet(id: string): Promise<ChatView>;
  chatRename(id: string, title: string): Promise<void>;
  chatDelete(id: string): Promise<void>;
  chatUpdate(
    id: string, modelId: string, presetId: string, sampling: SamplingView, systemPrompt: string,
  ): Promise<ChatView>;
  chatSelectLeaf(id: string, messageId: string): Promise<ChatView>;
  /** Resolves when the app took the request; the answer arrives through `onEvent` until a terminal event. */
  answerStart(request: SendRequest, onEvent: (event: AnswerEvent) => void): Promise<void>;
  answerStop(chatId: string): Promise<void>;
  worker(): Promise<WorkerView>;
  workerStart(modelId: string): Promise<WorkerView>;
  workerStop(): Promise<void>;
  settings(): Promise<SettingsView>;
  settingsSave(settings: SettingsView): Promise<SettingsView>;
  /** A folder the person chose, or null when the dialog was closed. */
  pickFolder(): Promise<string | null>;
  openUrl(url: string): Promise<void>;
  /** Calls back for every event of the app from now on. */
  onEvent(callback: (event: AppEvent) => void): Promise<void>;
}
