// Which two models Compare begins with. Pure.
export type Sides = { left: string; right: string };
/** The ids of the models that can answer, by where they run. */
export type Offered = { here: readonly string[]; deployed: readonly string[]; cloud: readonly string[] };

/** What was chosen; where nothing was, or a model went, this computer's first against a cloud's, a deployment's or the next. */
export function sidesOf(chosen: Sides, { here, deployed, cloud }: Offered): Sides {
  const all = [...here, ...deployed, ...cloud];
  const first = all[0] ?? '';
  const second = cloud[0] ?? deployed[0] ?? all[1] ?? first;
  return {
    left: all.includes(chosen.left) ? chosen.left : first,
    right: all.includes(chosen.right) ? chosen.right : second,
  };
}
