// From the form of a new deployment to what the app is asked. Pure.
import type { DeploymentSpec } from '$lib/ipc/bindings';

export type Row = { here: boolean; name: string; cards: string };
export type Wanted = {
  model: string; engine: string; precision: string; people: number; context: number; rows: Row[]; first: string; open: boolean; address: string; name: string;
};

/** "8xH100-80G" of equal machines as "2x8xH100-80G". */
export function machinesOf(rows: readonly Row[]): string {
  const cards = rows[0]?.cards.trim() ?? '';
  if (rows.length < 2) return cards;
  return `${rows.length}x${/^\d+\s*[x×]/i.test(cards) ? cards : `1x${cards}`}`;
}

export function specOf(wanted: Wanted): DeploymentSpec {
  return {
    name: wanted.name.trim(),
    wish: {
      model: wanted.model, engine: wanted.engine, machines: machinesOf(wanted.rows), precision: wanted.precision || null, context: wanted.context,
      sequences: wanted.people, ray: false,
    },
    machines: wanted.rows.map((row) => (row.here ? 'here' : row.name.trim())),
    open: wanted.open, address: wanted.address.trim(), first: wanted.first,
  };
}

/** Whether enough is said to ask for a plan. */
export const complete = (wanted: Wanted): boolean =>
  wanted.model !== '' && wanted.people > 0 && wanted.rows.length > 0 && wanted.rows.every((row) => row.cards.trim() !== '' && (row.here || row.name.trim() !== ''));
