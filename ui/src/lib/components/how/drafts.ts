// An answer with drafts as the steps of a player.
import type { TokenTrace } from '$lib/ipc/bindings';

export type Frame = { at: number; kind: 'plain' | 'drafted' | 'refused'; text: string | null };

/** A refused draft is a step of its own, before the token that the model wrote in its place. */
export const framesOf = (tokens: readonly TokenTrace[]): Frame[] =>
  tokens.flatMap(({ text, drafted, rejected }, at): Frame[] => [
    ...(rejected === null ? [] : [{ at, kind: 'refused' as const, text: rejected }]),
    { at, kind: drafted ? 'drafted' : 'plain', text },
  ]);

/** Drafts that were accepted and all that were checked; tokens, and the passes that wrote them: a draft needs none. */
export function tally(frames: readonly Frame[]): {
  accepted: number;
  proposed: number;
  tokens: number;
  passes: number;
} {
  const count = (kind: Frame['kind']) => frames.filter((one) => one.kind === kind).length;
  const [accepted, plain] = [count('drafted'), count('plain')];
  return { accepted, proposed: accepted + count('refused'), tokens: accepted + plain, passes: plain };
}
