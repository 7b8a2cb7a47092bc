// Lays the next tokens of several samplings beside each other: one row a token, in one order for all.
import type { TokenChance } from '$lib/ipc/bindings';

export type Chance = {
  probability: number;
  /** Above the probability where the list of a sampling ended before this token, so that only a limit is known. */
  atMost: number;
};
export type ChanceRow = { text: string; end: boolean; cells: Chance[] };

const keyOf = ({ text, end }: Pick<TokenChance, 'text' | 'end'>): string => `${end ? 1 : 0}${text}`;
const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);
/** Probabilities are 32 bit: what is left of their sum below this is rounding. */
const ROUNDING = 5e-4;

export function aligned(
  columns: readonly (readonly TokenChance[])[],
  most: number,
): { rows: ChanceRow[]; others: number[] } {
  const rows = new Map<string, { text: string; end: boolean; chances: number[] }>();
  columns.forEach((column, at) => {
    for (const { text, end, probability } of column) {
      const row = rows.get(keyOf({ text, end })) ?? { text, end, chances: columns.map(() => 0) };
      row.chances[at] = (row.chances[at] ?? 0) + probability;
      rows.set(keyOf(row), row);
    }
  });
  // What a list leaves out is no likelier than its last token.
  const limits = columns.map((column) => {
    const left = 1 - sumOf(column.map((one) => one.probability));
    return left < ROUNDING ? 0 : Math.min(left, ...column.map((one) => one.probability));
  });
  const kept = [...rows.values()]
    .sort((a, b) => sumOf(b.chances) - sumOf(a.chances) || keyOf(a).localeCompare(keyOf(b)))
    .slice(0, most);
  return {
    rows: kept.map(({ text, end, chances }) => ({
      text,
      end,
      cells: chances.map((probability, at) => ({
        probability,
        atMost: probability > 0 ? probability : (limits[at] ?? 0),
      })),
    })),
    others: columns.map((_, at) => {
      const left = 1 - sumOf(kept.map((row) => row.chances[at] ?? 0));
      return left < ROUNDING ? 0 : left;
    }),
  };
}
