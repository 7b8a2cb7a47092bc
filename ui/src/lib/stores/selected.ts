// Which entries of a list are selected. Pure: the list is handed in, in the order in which it is shown.

export type Selected = ReadonlySet<string>;

export function toggled(selected: Selected, id: string): Selected {
  const next = new Set(selected);
  if (!next.delete(id)) next.add(id);
  return next;
}

/** With all entries from one to the other, whichever comes first; with `to` alone where `from` is not shown. */
export function ranged(
  selected: Selected,
  order: readonly string[],
  from: string | undefined,
  to: string,
): Selected {
  const [start, end] = [order.indexOf(from ?? ''), order.indexOf(to)];
  const between = start < 0 ? [to] : order.slice(Math.min(start, end), Math.max(start, end) + 1);
  return new Set([...selected, ...between]);
}

/** Without those that are gone. */
export function remaining(selected: Selected, there: readonly string[]): Selected {
  return new Set(there.filter((id) => selected.has(id)));
}
