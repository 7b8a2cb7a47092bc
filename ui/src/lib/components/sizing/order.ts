// The order in which cards are shown. Pure.
import type { CardsView } from '$lib/ipc/bindings';

/** What holds it first, the least memory in all before more. */
export function sorted(rows: readonly CardsView[]): { holds: CardsView[]; others: CardsView[] } {
  const rank = { holds: 0, short_context: 1, too_small: 2, no_fp8: 3, no_fp4: 3, no_bf16: 3 };
  const total = (row: CardsView) => row.memory * row.count;
  const all = rows.toSorted((a, b) => rank[a.verdict] - rank[b.verdict] || total(a) - total(b));
  return {
    holds: all.filter((row) => row.verdict === 'holds'),
    others: all.filter((row) => row.verdict !== 'holds'),
  };
}
