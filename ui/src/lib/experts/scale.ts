// The colours of the heat map: lightness goes one way only, so that it can be read without colour.

/** The multiple of the even share at which the colour ends; the even share itself is in the middle. */
export const MOST = 4;
/** The same for a difference of two answers. */
export const MOST_DIFFERENT = 2;

const STEPS = 256;

type Colour = readonly [red: number, green: number, blue: number];

/** Reads "#rrggbb", and "#rgb", as which a build writes some of them. */
export function colourOf(text: string): Colour {
  const digits = text.trim().slice(1);
  const value = parseInt(digits.length === 3 ? digits.replace(/./g, '$&$&') : digits, 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

/** From nothing over the even share to the most, as pixels of an image. */
export function ramp(none: string, middle: string, most: string): Uint32Array {
  const stops = [none, middle, most].map(colourOf);
  return Uint32Array.from({ length: STEPS }, (_, step) => {
    const at = (step / (STEPS - 1)) * 2;
    const [from, to] = at < 1 ? [stops[0], stops[1]] : [stops[1], stops[2]];
    const part = at < 1 ? at : at - 1;
    const [red, green, blue] = [0, 1, 2].map((channel) =>
      Math.round((from?.[channel] ?? 0) * (1 - part) + (to?.[channel] ?? 0) * part),
    );
    // Pixels are red, green, blue, alpha from the lowest byte on.
    return ((255 << 24) | ((blue ?? 0) << 16) | ((green ?? 0) << 8) | (red ?? 0)) >>> 0;
  });
}

/** Where a multiple of the even share lies on a ramp. The root gives small shares room. */
export const stepOf = (times: number, most: number): number =>
  Math.round(Math.sqrt(Math.min(1, Math.max(0, times / most))) * (STEPS - 1));
