// Machines as a plan takes them: "8xH100-80G" is one of eight cards, "2x8xH100-80G" two of them. Pure.

export type Machines = { machines: number; each: number; card: string };

export function parseMachines(text: string): Machines | undefined {
  const found = /^(?:(\d+)x)??(?:(\d+)x)?([A-Za-z].*)$/.exec(text);
  if (found?.[3] === undefined) return undefined;
  return { machines: Number(found[1] ?? 1), each: Number(found[2] ?? 1), card: found[3] };
}

export const labelOf = ({ machines, each, card }: Machines): string =>
  `${machines > 1 ? `${machines}x` : ''}${each}x${card}`;

const between = (value: number, most: number) => Number.isInteger(value) && value >= 1 && value <= most;

/** As many as a plan is made for. */
export const countable = ({ machines, each }: Machines): boolean =>
  between(machines, 64) && between(each, 16);
