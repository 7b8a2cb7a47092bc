// How far one file of a download is, and the order in which files are shown. Pure.
import type { DownloadFileView } from '$lib/ipc/bindings';

export type FileState = 'moving' | 'waiting' | 'there' | 'linked' | 'checked';

export function fileState(file: DownloadFileView): FileState {
  if (file.linked) return 'linked';
  if (file.verified) return 'checked';
  if (file.done >= file.size) return 'there';
  return file.done > 0 ? 'moving' : 'waiting';
}

const ORDER: FileState[] = ['moving', 'waiting', 'there', 'linked', 'checked'];

/** What moves first, what is done last; within a state as the source lists them. */
export const inOrder = (files: readonly DownloadFileView[]): DownloadFileView[] =>
  files.toSorted((a, b) => ORDER.indexOf(fileState(a)) - ORDER.indexOf(fileState(b)));

export interface FoundHere {
  program: string;
  linked: boolean;
  count: number;
  size: number;
}

/** The files that a program has already, those that are linked apart from those that cannot be. */
export function foundHere(files: readonly DownloadFileView[]): FoundHere[] {
  const found: FoundHere[] = [];
  for (const { found_in: program, linked, size } of files) {
    if (program === null) continue;
    const known = found.find((one) => one.program === program && one.linked === linked);
    if (known) {
      known.count += 1;
      known.size += size;
    } else found.push({ program, linked, count: 1, size });
  }
  return found;
}
