// How the tokens of a mock answer were made: the same every time for the same message and place. One expert
// of each layer works on every token, so that a test of the page knows its count; the others follow from a
// hash.
import type { DraftStats, ExpertLayers, TokenTrace } from '$lib/ipc/bindings';

type Told = { experts: ExpertLayers | null; tokens: TokenTrace[] };
type Mixture = { layers: number; first: number; experts: number; chosen: number; named: boolean };

/** A server of others, as a deployment is, names neither the shape nor the tokens. */
function mixtureOf(model: string): Mixture | undefined {
  if (model === 'guide') return { layers: 4, first: 1, experts: 32, chosen: 4, named: true };
  if (model === 'guide-vision') return { layers: 5, first: 1, experts: 8, chosen: 2, named: true };
  if (model.startsWith('deployment:')) return { layers: 58, first: 0, experts: 256, chosen: 8, named: false };
  return undefined;
}

function hash(...values: number[]): number {
  let state = 2166136261;
  for (const value of values) {
    state = Math.imul(state ^ value, 16777619);
    state = Math.imul(state ^ (state >>> 15), 2246822519);
  }
  return (state ^ (state >>> 13)) >>> 0;
}
const seedOf = (text: string): number => hash(...[...text].map((letter) => letter.codePointAt(0) ?? 0));

function expertsOf({ layers, experts, chosen }: Mixture, seed: number, at: number): number[][] {
  return Array.from({ length: layers }, (_, layer) => {
    const found = new Set([(layer * 7 + 3) % experts]);
    for (let turn = 0; found.size < chosen; turn += 1) {
      // The product of two makes low ones likelier, as no router spreads its work evenly.
      const [one, other] = [hash(seed, at, layer, turn), hash(at, turn, layer, seed)];
      found.add(Math.floor((one / 2 ** 32) * (other / 2 ** 32) * experts));
    }
    return [...found];
  });
}

/**
 * What a server tells of the tokens of `text`, of which `before` went before; a cloud service tells nothing.
 */
export function tracedOf(model: string, message: string, before: number, text: string): Told | undefined {
  if (model.startsWith('cloud:')) return undefined;
  const mixture = mixtureOf(model);
  const seed = seedOf(message);
  const words = text.match(mixture?.named === false ? /[^]{1,4}/g : /[^]{1,20}/g) ?? [];
  const tokens = words.map((word, more): TokenTrace => {
    const at = before + more;
    return {
      text: mixture?.named === false ? null : word,
      drafted: mixture?.named !== false && at % 3 === 1,
      rejected: mixture?.named !== false && at % 11 === 5 ? ' foo' : null,
      experts: mixture ? expertsOf(mixture, seed, at) : [],
    };
  });
  const shape =
    mixture?.named === true
      ? {
          n_routed_experts: mixture.experts,
          num_experts_per_tok: mixture.chosen,
          layers: Array.from({ length: mixture.layers }, (_, at) => mixture.first + at),
        }
      : null;
  return { experts: shape, tokens };
}

export const draftsOf = (model: string): DraftStats | null =>
  model === 'guide'
    ? {
        drafter: 'mtp',
        proposed: [60, 41, 20],
        accepted: [41, 20, 6],
        pauses: [{ tokens: 40, drafted_ms: 12.1, plain_ms: 10.3, steps: 32 }],
        drafted_ms: 7.6,
        plain_ms: 10.4,
      }
    : null;
