// What the mock host answers to an evaluation: the same scores for the same request. Local models cannot be confirmed on
// facts, fail at programs and vary as before; a cloud agrees, and what has one round says so.
import type {
  ClaimVerdict,
  ErrorView,
  EvaluationEvent,
  EvaluationMeasure,
  EvaluationRequest,
  EvaluationResult,
  EvaluationScore,
  EvaluationSet,
  ScoreSpread,
  UnconfirmedReason,
} from '$lib/ipc/bindings';

const SETS: Record<EvaluationSet, { prompts: number; claim: number; measures: EvaluationMeasure[] }> = {
  factual: { prompts: 60, claim: 0.12, measures: ['right'] },
  creative: { prompts: 20, claim: 0.45, measures: ['distinct1', 'distinct2'] },
  code: { prompts: 20, claim: 0.18, measures: ['passed'] },
};
/** Means without and with the preset, and how far a round is from them. */
const LOCAL: Record<EvaluationMeasure, [number, number, number]> = {
  right: [0.961, 0.967, 0.017],
  distinct1: [0.273, 0.251, 0.006],
  distinct2: [0.691, 0.664, 0.011],
  passed: [0, 0, 0],
};
const CLOUD: Record<EvaluationMeasure, [number, number, number]> = {
  right: [0.6, 0.683, 0.008],
  distinct1: [0.31, 0.44, 0.01],
  distinct2: [0.62, 0.68, 0.012],
  passed: [0.5, 0.55, 0.1],
};
/** Student's t by rounds, from two. */
const T_975 = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262];

let running = false;

function spread(values: number[]): ScoreSpread {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { values, mean, deviation: values.length < 2 ? 0 : Math.sqrt(squares / (values.length - 1)) };
}

function scoreOf(measure: EvaluationMeasure, seeds: number, cloud: boolean, claim: number): EvaluationScore {
  const [before, after, off] = (cloud ? CLOUD : LOCAL)[measure];
  const rounds = (mean: number, turn: number) =>
    Array.from({ length: seeds }, (_, at) => mean + off * (((at * 2 + turn) % 3) - 1));
  const [without, preset] = [spread(rounds(before, 0)), spread(rounds(after, 1))];
  const differences = spread(preset.values.map((value, at) => value - (without.values[at] ?? 0)));
  const half = ((T_975[seeds - 2] ?? 0) * differences.deviation) / Math.sqrt(seeds);
  const difference = differences.mean;
  const interval = seeds < 2 ? null : { low: difference - half, high: difference + half };
  const known = without.mean > 0;
  const relative_interval =
    interval && known ? { low: interval.low / without.mean, high: interval.high / without.mean } : null;
  const reason: UnconfirmedReason | null =
    seeds < 2
      ? 'one_seed'
      : !relative_interval
        ? 'no_baseline'
        : relative_interval.high < 0
          ? null
          : without.mean * (1 + claim) > 1
            ? 'ceiling'
            : relative_interval.low <= 0 && relative_interval.high >= claim
              ? 'spread'
              : null;
  const verdict: ClaimVerdict = reason
    ? 'cannot_be_confirmed'
    : (relative_interval?.high ?? 0) < claim
      ? 'disagrees'
      : 'agrees';
  const relative = known ? difference / without.mean : null;
  return {
    measure,
    without,
    with: preset,
    difference,
    interval,
    relative,
    relative_interval,
    claim,
    verdict,
    reason,
  };
}

function resultOf({ model_id, set, seeds }: EvaluationRequest): EvaluationResult {
  const { prompts, claim, measures } = SETS[set];
  const cloud = model_id.startsWith('cloud:');
  return {
    model_id,
    set,
    preset_id: set,
    seeds,
    prompts,
    max_tokens: 512,
    cut: cloud ? 7 : 0,
    scores: measures.map((measure) => scoreOf(measure, seeds, cloud, claim)),
  };
}

/** Ten rounds leave time to look and to stop; a model named `pro` fails on its way. */
export function start(request: EvaluationRequest, onEvent: (event: EvaluationEvent) => void): void {
  const refuse = (code: ErrorView['code'], message: string, detail = {}): ErrorView => ({
    code,
    message,
    detail,
  });
  if (running) throw refuse('answer_running', 'evaluate: another one is running');
  if (request.when_busy === 'ask' && request.model_id === 'guide-vision')
    throw refuse('model_busy', 'load another model', { model: 'Whaledeck Guide', chats: 'Sea water' });
  running = true;
  const total = SETS[request.set].prompts * request.seeds * 2;
  const step = request.seeds === 10 ? 1 : Math.ceil(total / 12);
  let done = 0;
  const go = () => {
    if (!running) return onEvent({ kind: 'stopped' });
    if (request.model_id.endsWith('pro') && done > total / 3) {
      running = false;
      const error = refuse('endpoint_cut', 'hear the answer to its end', { host: 'api.deepseek.com' });
      return onEvent({ kind: 'failed', error });
    }
    onEvent({ kind: 'progress', done, total });
    if (done === total) {
      running = false;
      return onEvent({ kind: 'finished', result: resultOf(request) });
    }
    done = Math.min(total, done + step);
    setTimeout(go, 30);
  };
  setTimeout(go, 30);
}

export const stop = (): void => void (running = false);
