// From the form of a new deployment to what the app is asked. Pure.
import type { DeploymentSpec } from '$lib/ipc/bindings';

export type Row = { here: boolean; name: string; cards: string };
export type Wanted = {
  model: string;
  engine: string;
  precision: string;
  people: number;
  context: number;
  rows: Row[];
  first: string;
  open: boolean;
  address: string;
  name: string;
};

/** "8xH100-80G" of equal machines as "2x8xH100-80G". */
export function machinesOf(rows: readonly Row[]): string {
  const cards = rows[0]?.cards.trim() ?? '';
  if (rows.length < 2) return cards;
  return `${rows.length}x${/^\d+\s*[x×]/i.test(cards) ? cards : `1x${cards}`}`;
}

/** The other way: rows for "2x8xH100-80G", with the names that are known already. */
export function rowsOf(machines: string, known: readonly Row[]): Row[] {
  const parts = machines.split('x');
  const count = parts.length > 2 ? Number(parts[0]) : 1;
  const cards = parts.length > 2 ? parts.slice(1).join('x') : machines;
  const blank = (): Row => ({ here: false, name: '', cards });
  return Array.from({ length: count }, (_, at) => ({ ...blank(), ...known[at], cards }));
}

export function specOf(wanted: Wanted): DeploymentSpec {
  return {
    name: wanted.name.trim(),
    wish: {
      model: wanted.model,
      engine: wanted.engine,
      machines: machinesOf(wanted.rows),
      precision: wanted.precision || null,
      context: wanted.context,
      sequences: wanted.people,
      ray: false,
    },
    machines: wanted.rows.map((row) => (row.here ? 'here' : row.name.trim())),
    open: wanted.open,
    address: wanted.address.trim(),
    first: wanted.first,
  };
}

/** What still has to be said before there can be a plan; undefined when nothing. */
export function missing(wanted: Wanted): 'model' | 'people' | 'name' | 'cards' | undefined {
  if (wanted.model === '') return 'model';
  if (!(wanted.people > 0)) return 'people';
  if (wanted.rows.some((row) => !row.here && row.name.trim() === '')) return 'name';
  return wanted.rows.some((row) => row.cards.trim() === '') ? 'cards' : undefined;
}
