// How evenly the work of an answer is spread over the experts, in all and layer by layer.
import type { ExpertCounts } from './counts';

export type Busiest = {
  layer: number;
  expert: number;
  count: number;
  /** Its work as a multiple of the even share of its layer. */
  times: number;
};
export type Spread = {
  busiest: Busiest | undefined;
  used: number;
  all: number;
  /** The share of all work that the busiest tenth of the experts did. */
  busiestTenth: number;
};
export type LayerSpread = {
  layer: number;
  /** The most used experts, the busiest first. */
  most: { expert: number; count: number }[];
  used: number;
  times: number;
};

/** Experts that a row of the table names. */
const NAMED = 3;

export function spreadByLayer(counts: ExpertCounts): LayerSpread[] {
  return counts.layers.map((layer, at) => {
    const row = counts.counts.subarray(at * counts.experts, (at + 1) * counts.experts);
    const most: { expert: number; count: number }[] = [];
    let used = 0;
    row.forEach((count, expert) => {
      if (count === 0) return;
      used += 1;
      const place = most.findIndex((one) => one.count < count);
      if (place >= 0) most.splice(place, 0, { expert, count });
      else if (most.length < NAMED) most.push({ expert, count });
      most.length = Math.min(most.length, NAMED);
    });
    const even = counts.evenShare(at);
    return { layer, most, used, times: even > 0 ? (most[0]?.count ?? 0) / even : 0 };
  });
}

export function spreadOf(counts: ExpertCounts): Spread {
  let busiest: Busiest | undefined;
  let used = 0;
  for (const { layer, most, used: here, times } of spreadByLayer(counts)) {
    used += here;
    const [first] = most;
    if (first && times > (busiest?.times ?? 0)) busiest = { layer, ...first, times };
  }
  const all = counts.counts.length;
  // Ascending: the busiest stand at the end.
  const sorted = counts.counts.slice().sort();
  const work = counts.chosen.reduce((sum, one) => sum + one, 0);
  const tenth = sorted.subarray(all - Math.ceil(all / 10)).reduce((sum, one) => sum + one, 0);
  return { busiest, used, all, busiestTenth: work > 0 ? tenth / work : 0 };
}
