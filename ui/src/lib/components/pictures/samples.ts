// The sample pictures of Guide Vision: drawn by training/guide-vision/samples.py, in the page as data URLs, because the window's
// policy lets the page fetch nothing.
import bars from './samples/bars.png?inline';
import pie from './samples/pie.png?inline';
import shapes from './samples/shapes.png?inline';
import words from './samples/words.png?inline';

export const SAMPLES = { shapes, bars, words, pie };
export type SampleId = keyof typeof SAMPLES;

/** The sample as a file, as if it had been chosen from a folder. */
export function sampleFile(id: SampleId): File {
  const base64 = SAMPLES[id].slice(SAMPLES[id].indexOf(',') + 1);
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  return new File([bytes], `${id}.png`, { type: 'image/png' });
}
