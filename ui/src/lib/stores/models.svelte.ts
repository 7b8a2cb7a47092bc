// The catalogue with verdicts, the recommendation and the presets: asked for again whenever the machine is looked at
// (machine.refresh), because they follow from it. `download_changed` replaces one download in place.
import { host } from '$host';
import { asError } from '$lib/errors';
import { duration } from '$lib/format';
import { i18n } from '$lib/i18n/index.svelte';
import type {
  AppEvent,
  DownloadView,
  ErrorView,
  ModelView,
  PrecisionView,
  PresetView,
  RecommendationView,
  SamplingView,
  SourceKind,
} from '$lib/ipc/bindings';
import { clouds } from './clouds.svelte';
import { deployments } from './deployments.svelte';
import { Load } from './load.svelte';
import { machine } from './machine.svelte';
import { missing } from './room';
import { settings } from './settings.svelte';

const stateOf = (download: DownloadView): ModelView['state'] =>
  download.state === 'listing' || download.state === 'transferring' ? 'downloading' : download.state;

/** A model with the newest of one of its downloads. It stays ready while another precision of it is on its way. */
function withDownload(model: ModelView, download: DownloadView): ModelView {
  const state = stateOf(download);
  const before = model.precisions.find((one) => one.variant_id === download.variant_id);
  const precision = model.variants.find((one) => one.id === download.variant_id)?.precision ?? '';
  const changed: PrecisionView = {
    ...(before ?? { variant_id: download.variant_id, precision, disk_used: 0, linked: [], in_use: false }),
    state,
    problem: null,
    download,
  };
  const precisions = before
    ? model.precisions.map((one) => (one === before ? changed : one))
    : [...model.precisions, changed];
  const ready = precisions.some((one) => one.state === 'ready');
  return { ...model, precisions, download, state: ready ? 'ready' : state };
}

class Models {
  readonly list = new Load<ModelView[]>();
  readonly #downloads = new Load<DownloadView[]>();
  readonly recommendation = new Load<RecommendationView>();
  readonly presets = new Load<PresetView[]>();
  actionError = $state.raw<ErrorView | undefined>(undefined);
  /** True while a file of the person's is being read. */
  importing = $state(false);
  importError = $state.raw<ErrorView | undefined>(undefined);
  /** Bytes a second of the last download of this session. */
  #speed = $state<number | undefined>(undefined);

  load = async (): Promise<void> => {
    await Promise.all([
      this.list.run(() => host.models()),
      this.#downloads.run(() => host.downloads()),
      this.recommendation.run(() => host.recommendation()),
      this.presets.run(() => host.presets()),
    ]);
  };

  /** Unfinished downloads of repositories, which are no models of the list yet. Ids of the catalogue have no slash. */
  readonly ofRepositories = $derived(
    (this.#downloads.value ?? []).filter((one) => one.model_id.includes('/') && one.state !== 'ready'),
  );

  /** How long a download takes, in words; nothing while no speed is known. */
  downloadTime = (size: number): string | undefined =>
    this.#speed === undefined ? undefined : duration(size / this.#speed, i18n.t);
  /** What the disk lacks for so many bytes more; `of` is a download of its own bytes. */
  lacking(needed: number, of?: string): { needed: number; free: number } | undefined {
    const others = (this.list.value ?? []).flatMap((one) =>
      one.precisions.flatMap(({ download }) => download ?? []),
    );
    const all = [...others, ...this.ofRepositories].filter((download) => download.id !== of);
    return missing(needed, machine.view.value?.disk, all);
  }

  byId = (id: string | null | undefined): ModelView | undefined =>
    this.list.value?.find((model) => model.id === id);

  /** Models that can answer now. */
  readonly usable = $derived(
    (this.list.value ?? []).filter((m) => m.runs_embedded && (m.state === 'built_in' || m.state === 'ready')),
  );

  /** What choosing a preset changes. DeepSeek's own advice differs from model to model; the others are the same for all. */
  presetChange(preset: PresetView, modelId: string): { preset_id: string; sampling: SamplingView } {
    const advised =
      preset.id === 'deepseek'
        ? (this.byId(modelId) ?? clouds.of(modelId) ?? deployments.of(modelId))?.recommended
        : undefined;
    return { preset_id: preset.id, sampling: advised ?? preset.sampling };
  }

  onEvent(event: AppEvent): void {
    if (event.kind === 'download_changed') this.put(event.download);
  }

  start = (model: string, variant: string, source: SourceKind) =>
    this.#act(async () => this.put(await host.downloadStart(model, variant, source)));
  /** Downloads what is missing of a model of a repository. */
  repair = ({ repository }: ModelView) =>
    this.#act(async () => {
      const at = repository?.lastIndexOf(':') ?? -1;
      if (!repository || at < 0) return;
      const source = settings.view.value?.source ?? 'hugging_face';
      this.put(await host.repositoryDownload(repository.slice(0, at), source, repository.slice(at + 1)));
    });
  pause = (id: string) => this.#act(() => host.downloadPause(id));
  resume = (id: string) => this.#act(() => host.downloadResume(id));
  cancel = (id: string) => this.#act(() => host.downloadRemove(id), true);
  remove = (id: string, variant: string | null) => this.#act(() => host.modelRemove(id, variant), true);
  use = (id: string, variant: string) => this.#act(() => host.precisionUse(id, variant), true);

  /** Takes a model of the person's where it lies; nothing when it cannot be used, and `importError` says why. */
  async import(path: string): Promise<ModelView | undefined> {
    this.importing = true;
    this.importError = undefined;
    try {
      const model = await host.modelImport(path);
      await this.list.run(() => host.models());
      return model;
    } catch (thrown) {
      this.importError = asError(thrown);
      return undefined;
    } finally {
      this.importing = false;
    }
  }

  /** Takes the newest view of a download. */
  put(download: DownloadView): void {
    if (download.speed > 0) this.#speed = download.speed;
    const others = (this.#downloads.value ?? []).filter((one) => one.id !== download.id);
    this.#downloads.set([...others, download]);
    const list = this.list.value;
    if (!list) return;
    this.list.set(list.map((m) => (m.id === download.model_id ? withDownload(m, download) : m)));
  }

  async #act(action: () => Promise<unknown>, reload = false): Promise<void> {
    try {
      await action();
      this.actionError = undefined;
    } catch (thrown) {
      this.actionError = asError(thrown);
    }
    if (reload) await this.load();
  }
}

export const models = new Models();
