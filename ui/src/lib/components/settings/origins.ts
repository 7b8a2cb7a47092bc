// Web origins as they are typed, one a line. Pure.

/** As a browser writes one: a scheme, a host and perhaps a port. `*` would let every page in. */
const ORIGIN = /^[a-z\d+.-]+:\/\/[a-z\d._:[\]-]+$/i;

/** Each once, without what people add at the end of an address. */
export const originsOf = (text: string): string[] => [
  ...new Set(
    text
      .split('\n')
      .map((line) => line.trim().replace(/\/$/, ''))
      .filter((line) => line !== ''),
  ),
];

export const areOrigins = (origins: string[]): boolean => origins.every((one) => ORIGIN.test(one));
