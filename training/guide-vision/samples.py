"""Draws the sample pictures of the window's "Try pictures": what Guide Vision does well, of one tile each.

    python samples.py ../../ui/src/lib/components/pictures/samples

Needs pillow and the fonts of scene.py. Colours are reduced to a palette, so that each file has a few kilobytes.
"""
import pathlib
import sys

from PIL import Image, ImageDraw

from scene import draw_shape, font
from words import COLOURS

SIDE, SCALE = 256, 2
INK = (30, 30, 30)


def colour(name):
    return COLOURS[name][2]


def canvas(ground=(255, 255, 255)):
    image = Image.new("RGB", (SIDE * SCALE, SIDE * SCALE), ground)
    return image, ImageDraw.Draw(image)


def shapes():
    image, draw = canvas()
    draw_shape(draw, "circle", 62, 74, 44, 0, colour("red"), SCALE)
    draw_shape(draw, "star", 128, 186, 50, 0, colour("blue"), SCALE)
    draw_shape(draw, "square", 196, 78, 50, 0, colour("green"), SCALE)
    return image


def bars():
    image, draw = canvas()
    face, small = font("DejaVuSans.ttf", 22 * SCALE), font("DejaVuSans.ttf", 20 * SCALE)
    base, high, slot = 222, 36, 59
    draw.line([(10 * SCALE, base * SCALE), (246 * SCALE, base * SCALE)], fill=INK, width=2 * SCALE)
    for i, (label, value, name) in enumerate((("A", 12, "blue"), ("B", 20, "orange"), ("C", 7, "green"), ("D", 16, "purple"))):
        x0, x1, y = 10 + slot * (i + 0.17), 10 + slot * (i + 0.83), base - (base - high) * value / 20
        draw.rectangle([x0 * SCALE, y * SCALE, x1 * SCALE, base * SCALE], fill=colour(name))
        draw.text(((x0 + x1) / 2 * SCALE, (base + 3) * SCALE), label, font=face, fill=INK, anchor="ma")
        draw.text(((x0 + x1) / 2 * SCALE, (y - 2) * SCALE), str(value), font=small, fill=INK, anchor="md")
    return image


def words():
    image, draw = canvas((250, 240, 220))
    draw.text((128 * SCALE, 80 * SCALE), "COFFEE", font=font("DejaVuSans-Bold.ttf", 50 * SCALE), fill=colour("brown"), anchor="mm")
    draw.text((128 * SCALE, 180 * SCALE), "咖啡", font=font("NotoSansCJK-Bold.ttc", 60 * SCALE), fill=colour("blue"), anchor="mm")
    return image


def pie():
    image, draw = canvas()
    at, box = -90, [26 * SCALE, 26 * SCALE, 230 * SCALE, 230 * SCALE]
    for name, share in (("red", 0.45), ("yellow", 0.35), ("blue", 0.2)):
        draw.pieslice(box, at, at + share * 360, fill=colour(name), outline=(255, 255, 255), width=SCALE)
        at += share * 360
    return image


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for make in (shapes, bars, words, pie):
        image = make().reduce(SCALE).quantize(32, dither=Image.Dither.NONE)
        image.save(folder / f"{make.__name__}.png", optimize=True)


if __name__ == "__main__":
    main()
