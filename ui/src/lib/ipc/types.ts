// The shapes that cross from the app to the page, as the contract crate writes them on the wire.
// Byte counts are numbers of bytes, times are RFC 3339 unless a name says milliseconds.

export type Localized = { en: string; zh: string };

export type ErrorCode =
  | 'model_not_found' | 'model_file_truncated' | 'model_file_invalid' | 'model_unsupported' | 'model_too_large'
  | 'worker_missing' | 'worker_start_failed' | 'worker_died' | 'worker_unreachable' | 'port_in_use' | 'out_of_memory'
  | 'chat_not_found' | 'context_full' | 'prompt_too_long' | 'not_loaded' | 'cancelled'
  | 'no_network' | 'source_refused' | 'source_rate_limited' | 'not_on_source' | 'gated_model' | 'hash_mismatch'
  | 'size_mismatch' | 'disk_full' | 'download_stalled'
  | 'gpu_driver_missing' | 'gpu_driver_mismatch' | 'no_display'
  | 'history_unreadable' | 'settings_unreadable' | 'permission_denied' | 'invalid_input' | 'internal';
export type ErrorView = { code: ErrorCode; message: string; detail: { [key in string]: string } };

export type FamilyKind = 'guide' | 'moe_original' | 'dense_distill';
export type Verdict = 'runs_well' | 'short_context' | 'slow' | 'too_large';
export type Place = 'gpu' | 'cpu' | 'nowhere';
export type ModelState = 'built_in' | 'not_downloaded' | 'downloading' | 'paused' | 'verifying' | 'ready' | 'failed';
export type SourceKind = 'hugging_face' | 'model_scope';

export type VariantView = {
  id: string; precision: string; size: number; size_computed: boolean;
  repo_hugging_face: string | null; repo_model_scope: string | null; note: Localized | null;
};
export type FitView = {
  verdict: Verdict; reason: Localized; place: Place; context: number; weights: number; kv: number; overhead: number;
  needed: number; available: number; speed_estimate: number | null;
};
export type SamplingView = {
  temperature: number; top_p: number; top_k: number; min_p: number; frequency_penalty: number;
  presence_penalty: number; repetition_penalty: number; max_tokens: number; seed: number | null;
};
export type ModelView = {
  id: string; name: string; family: FamilyKind; family_note: Localized; params_total: number; params_active: number;
  context_max: number; takes_images: boolean; licence: string; variants: VariantView[]; fit: FitView;
  state: ModelState; download: DownloadView | null; disk_used: number; recommended: SamplingView;
  runs_embedded: boolean;
};
export type RecommendationView = {
  model_id: string | null; variant_id: string | null; sentence: Localized; upgrade: Localized | null;
  download_size: number;
};
export type PresetView = { id: string; name: Localized; what_for: Localized; sampling: SamplingView };

export type ChatSummary = { id: string; title: string; model_id: string; updated_at: string };
export type ChatView = {
  id: string; title: string; model_id: string; preset_id: string; sampling: SamplingView; system_prompt: string;
  messages: MessageView[];
};
export type Role = 'system' | 'user' | 'assistant';
export type MessageState = 'streaming' | 'done' | 'stopped' | 'length' | 'interrupted';
export type AnswerStats = {
  model_id: string; prompt_tokens: number; completion_tokens: number; first_token_ms: number;
  tokens_per_second: number;
};
export type MessageView = {
  id: string; parent_id: string | null; role: Role; text: string; reasoning: string; state: MessageState;
  error: ErrorView | null; stats: AnswerStats | null; siblings: string[]; created_at: string;
};
export type SendRequest = { chat_id: string; parent_id: string | null; text: string; retry_of: string | null };
export type AnswerEvent =
  | { kind: 'started'; user: MessageView | null; assistant: MessageView }
  | { kind: 'delta'; message_id: string; text: string; reasoning: string }
  | { kind: 'finished'; message: MessageView }
  | { kind: 'failed'; message: MessageView; error: ErrorView };

export type DownloadState = 'listing' | 'transferring' | 'paused' | 'verifying' | 'ready' | 'failed';
export type DownloadFileView = { path: string; size: number; done: number; verified: boolean };
export type DownloadView = {
  id: string; model_id: string; variant_id: string; source: SourceKind; state: DownloadState; total: number;
  done: number; verified: number; speed: number; seconds_left: number | null; files: DownloadFileView[];
  error: ErrorView | null; alternative: SourceKind | null;
};

export type CpuView = { name: string; physical_cores: number; logical_cores: number; features: string[] };
export type GpuVendor = 'nvidia' | 'amd';
export type GpuView = {
  name: string; vendor: GpuVendor; vram_total: number; vram_free: number; driver: string; cuda: string | null;
  compute_capability: string | null;
};
export type DiskView = { models_dir: string; total: number; free: number };
export type HardwareView = {
  os: string; cpu: CpuView; ram_total: number; ram_available: number; memory_bandwidth: number | null;
  gpus: GpuView[]; gpu_problem: ErrorView | null; disk: DiskView;
};

export type WorkerState = 'stopped' | 'starting' | 'loading' | 'ready' | 'draining' | 'failed';
export type WorkerView = {
  model_id: string | null; state: WorkerState; loaded: number; total: number; place: string | null;
  memory: number | null; context_length: number | null; error: ErrorView | null;
};

export type Language = 'system' | 'en' | 'zh';
export type Theme = 'system' | 'light' | 'dark';
export type SettingsView = {
  language: Language; theme: Theme; models_dir: string; source: SourceKind; hugging_face_endpoint: string;
  model_scope_endpoint: string; welcomed: boolean; send_with_enter: boolean;
};

export type AppEvent =
  | { kind: 'worker_changed'; worker: WorkerView }
  | { kind: 'download_changed'; download: DownloadView }
  | { kind: 'models_changed' }
  | { kind: 'chats_changed' };
