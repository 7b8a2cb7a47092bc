import { expect, test } from 'vitest';
import { moved, sized, spanned } from '../src/lib/pictures/area';

const whole = { width: 100, height: 50 };

test('a part is drawn in any direction and stays inside', () => {
  expect(spanned({ x: 10, y: 10 }, { x: 30, y: 20 }, whole)).toEqual({
    left: 10,
    top: 10,
    width: 20,
    height: 10,
  });
  expect(spanned({ x: 30, y: 20 }, { x: 10, y: 10 }, whole)).toEqual({
    left: 10,
    top: 10,
    width: 20,
    height: 10,
  });
  expect(spanned({ x: -5, y: 60 }, { x: 200, y: -1 }, whole)).toEqual({
    left: 0,
    top: 0,
    width: 100,
    height: 50,
  });
});

test('a press without a move is one pixel, also in the corner', () => {
  expect(spanned({ x: 100, y: 50 }, { x: 100, y: 50 }, whole)).toEqual({
    left: 99,
    top: 49,
    width: 1,
    height: 1,
  });
});

test('a part is moved and sized as far as the picture goes', () => {
  const area = { left: 80, top: 10, width: 15, height: 30 };
  expect(moved(area, 50, -50, whole)).toEqual({ left: 85, top: 0, width: 15, height: 30 });
  expect(sized(area, 50, -50, whole)).toEqual({ left: 80, top: 10, width: 20, height: 1 });
});
