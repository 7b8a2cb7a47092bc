// What can be measured, and where scores and changes stand in their pictures. Pure.
import type { EvaluationScore, EvaluationSet } from '$lib/ipc/bindings';

/** What is claimed for the preset of each set, as a share of the score without it. The app says the same with a result. */
export const SETS: readonly { set: EvaluationSet; preset: string; prompts: number; claim: number }[] = [
  { set: 'factual', preset: 'factual', prompts: 60, claim: 0.12 },
  { set: 'creative', preset: 'creative', prompts: 20, claim: 0.45 },
  { set: 'code', preset: 'code', prompts: 20, claim: 0.18 },
];
export const ROUNDS: readonly number[] = Array.from({ length: 10 }, (_, at) => at + 1);

export const promptsOf = (set: EvaluationSet): number => SETS.find((one) => one.set === set)?.prompts ?? 0;

/** Without and with the preset. */
export const answersOf = (prompts: number, rounds: number): number => prompts * rounds * 2;

/** Fewer answers tell nothing about the time of the others. */
const FIRST = 5;

/** Seconds to the end, when some answers are done and took so many seconds. */
export function secondsLeft(done: number, total: number, seconds: number): number | undefined {
  if (done < FIRST || done >= total) return undefined;
  return (seconds / done) * (total - done);
}

/** The end of the axis of scores: the first round number that holds them all. */
export function scaleOf(scores: readonly number[]): number {
  const most = Math.max(0, ...scores);
  return [0.05, 0.1, 0.2, 0.5].find((end) => most <= end * 0.95) ?? Math.max(1, most);
}

export type ChangePlaces = { none: number; claim: number; change: number; low: number; high: number };

/** Where no change, the claim and the measured change with its interval stand, from 0 to 1 on one axis. */
export function placesOf(measured: Pick<EvaluationScore, 'relative' | 'relative_interval' | 'claim'>) {
  const { relative, relative_interval, claim } = measured;
  if (relative === null || claim === null) return undefined;
  const { low, high } = relative_interval ?? { low: relative, high: relative };
  const [least, most] = [Math.min(0, low), Math.max(claim, high)];
  // Room on both sides for the names below.
  const [before, after] = [0.35, 0.25];
  const place = (value: number) => ((value - least) / (most - least) + before) / (1 + before + after);
  const places: ChangePlaces = {
    none: place(0),
    claim: place(claim),
    change: place(relative),
    low: place(low),
    high: place(high),
  };
  return places;
}
