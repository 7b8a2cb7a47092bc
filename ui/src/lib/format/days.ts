// Groups chats by the day they were last touched, newest first. Pure: the present moment is handed in.

export type DayGroup = 'today' | 'yesterday' | 'week' | 'older';
const ORDER: DayGroup[] = ['today', 'yesterday', 'week', 'older'];

const midnight = (date: Date): number =>
  new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();

export function dayGroup(at: string, now: Date): DayGroup {
  const when = Date.parse(at);
  if (Number.isNaN(when)) return 'older';
  // Rounded, because a day with a clock change has 23 or 25 hours.
  const days = Math.round((midnight(now) - midnight(new Date(when))) / 86_400_000);
  if (days <= 0) return 'today';
  if (days === 1) return 'yesterday';
  return days <= 7 ? 'week' : 'older';
}

export function byDay<T extends { updated_at: string }>(
  items: T[],
  now: Date,
): { day: DayGroup; items: T[] }[] {
  const sorted = [...items].sort((a, b) => Date.parse(b.updated_at) - Date.parse(a.updated_at));
  return ORDER.map((day) => ({
    day,
    items: sorted.filter((item) => dayGroup(item.updated_at, now) === day),
  })).filter((group) => group.items.length > 0);
}

export function newest<T extends { updated_at: string }>(items: T[]): T | undefined {
  return [...items].sort((a, b) => Date.parse(b.updated_at) - Date.parse(a.updated_at))[0];
}
