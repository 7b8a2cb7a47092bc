// Which model the line over a built-in model's chats leads to. Pure.
import type { ModelView, RecommendationView } from '$lib/ipc/bindings';

export type Better = { model: ModelView; variant: string; size: number };

/** The recommended model, unless that is a built-in one again: then nothing larger fits. */
function forText(models: readonly ModelView[], advice: RecommendationView | undefined): Better | undefined {
  const model = models.find((one) => one.id === advice?.model_id);
  if (!advice || !model || model.family === 'guide' || !model.runs_embedded) return undefined;
  return { model, variant: advice.variant_id ?? '', size: advice.download_size };
}

/** As the app offers a model for pictures: one that is ready, the largest that runs well here, else one that runs at all. */
function forPictures(models: readonly ModelView[]): Better | undefined {
  const seeing = models
    .filter((one) => one.takes_images && one.runs_embedded && one.family !== 'guide')
    .toSorted((a, b) => b.params_total - a.params_total);
  const of = (verdict: ModelView['fit']['verdict']) => seeing.filter((one) => one.fit.verdict === verdict);
  const model =
    seeing.find((one) => one.state === 'ready') ??
    of('runs_well')[0] ??
    of('short_context')[0] ??
    of('slow').at(-1);
  const variant = model?.variants[0];
  return model && { model, variant: variant?.id ?? '', size: variant?.size ?? model.disk_used };
}

export const betterThan = (
  guide: ModelView,
  models: readonly ModelView[],
  advice: RecommendationView | undefined,
): Better | undefined => (guide.takes_images ? forPictures(models) : forText(models, advice));
