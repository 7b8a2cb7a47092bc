// What is left of a list in groups for the words that were typed.

export type Group = { label: string; items: { value: string; label: string }[] };

/** Items that hold every word in their own name or in that of their group; groups without any are left out. */
export function narrowed(groups: readonly Group[], typed: string): Group[] {
  const words = typed.toLowerCase().split(/\s+/);
  return groups
    .map((group) => ({
      ...group,
      items: group.items.filter((item) => {
        const text = `${group.label} ${item.label}`.toLowerCase();
        return words.every((word) => text.includes(word));
      }),
    }))
    .filter((group) => group.items.length > 0);
}
