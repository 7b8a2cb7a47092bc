// Writes a screenshot as a PNG of few colours: a page of text and plain surfaces becomes a third as large and stays sharp.
import { crc32, deflateSync } from 'node:zlib';

const MOST = 48;
/** Two colours that differ by less in the sum of red, green and blue look the same at the edge of a letter. */
const NEAR = 24;

const apart = (a, b) =>
  Math.abs((a >> 16) - (b >> 16)) +
  Math.abs(((a >> 8) & 255) - ((b >> 8) & 255)) +
  Math.abs((a & 255) - (b & 255));

/** The most frequent colours, none near another. */
function palette(counts) {
  const chosen = [];
  for (const [colour] of [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0])) {
    if (chosen.length === MOST) break;
    if (chosen.every((one) => apart(one, colour) >= NEAR)) chosen.push(colour);
  }
  return chosen;
}

function chunk(kind, data) {
  const body = Buffer.concat([Buffer.from(kind, 'latin1'), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(crc32(body), body.length + 4);
  return out;
}

/** `rgba`: 4 bytes per pixel, row by row. Alpha is ignored: a screenshot has none. */
export function indexedPng(rgba, width, height) {
  const counts = new Map();
  const colourAt = (pixel) => (rgba[4 * pixel] << 16) | (rgba[4 * pixel + 1] << 8) | rgba[4 * pixel + 2];
  for (let pixel = 0; pixel < width * height; pixel += 1)
    counts.set(colourAt(pixel), (counts.get(colourAt(pixel)) ?? 0) + 1);
  const colours = palette(counts);
  const index = new Map();
  for (const colour of counts.keys()) {
    const nearest = colours.reduce(
      (best, one, at) => (apart(one, colour) < apart(colours[best], colour) ? at : best),
      0,
    );
    index.set(colour, nearest);
  }
  // Each row starts with its filter; 0 is none, the best for indexed pixels.
  const rows = Buffer.alloc((width + 1) * height);
  for (let y = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1) rows[y * (width + 1) + 1 + x] = index.get(colourAt(y * width + x));
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 3, 0, 0, 0], 8); // 8 bits per pixel, indexed.
  const table = Buffer.from(colours.flatMap((one) => [one >> 16, (one >> 8) & 255, one & 255]));
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    chunk('PLTE', table),
    chunk('IDAT', deflateSync(rows, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}
