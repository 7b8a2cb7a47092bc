// A part of a picture, in whole pixels inside of it. Pure: numbers only.

export type Area = { left: number; top: number; width: number; height: number };
type Size = { width: number; height: number };
type Point = { x: number; y: number };

const within = (value: number, least: number, most: number) =>
  Math.min(Math.max(Math.round(value), least), most);

/** The part between two points, which may lie outside; at least one pixel. */
export function spanned(from: Point, to: Point, whole: Size): Area {
  const left = within(Math.min(from.x, to.x), 0, whole.width - 1);
  const top = within(Math.min(from.y, to.y), 0, whole.height - 1);
  const right = within(Math.max(from.x, to.x), left + 1, whole.width);
  const bottom = within(Math.max(from.y, to.y), top + 1, whole.height);
  return { left, top, width: right - left, height: bottom - top };
}

/** The same size elsewhere, as far as the picture goes. */
export function moved(area: Area, x: number, y: number, whole: Size): Area {
  return {
    ...area,
    left: within(area.left + x, 0, whole.width - area.width),
    top: within(area.top + y, 0, whole.height - area.height),
  };
}

/** Its right and lower edge elsewhere. */
export function sized(area: Area, x: number, y: number, whole: Size): Area {
  return {
    ...area,
    width: within(area.width + x, 1, whole.width - area.left),
    height: within(area.height + y, 1, whole.height - area.top),
  };
}
