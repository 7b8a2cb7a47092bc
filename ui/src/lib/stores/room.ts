// Room on the disk for a download. Pure: what is known of the disk and of other downloads is handed in.
import type { DiskView, DownloadView } from '$lib/ipc/bindings';

/** Bytes that a download still brings. */
export const rest = (download: Pick<DownloadView, 'total' | 'done'>): number =>
  Math.max(0, download.total - download.done);

/** What is missing for so many bytes more, or nothing where they fit. Downloads on their way take their part of the disk first. */
export function missing(
  needed: number,
  disk: DiskView | undefined,
  others: readonly DownloadView[],
): { needed: number; free: number } | undefined {
  if (!disk) return undefined;
  const moving = others.filter((one) => one.state === 'listing' || one.state === 'transferring');
  const free = Math.max(0, disk.free - moving.reduce((sum, one) => sum + rest(one), 0));
  return needed > free ? { needed, free } : undefined;
}
