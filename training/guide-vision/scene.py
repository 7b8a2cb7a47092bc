"""The canvas: sizes, backgrounds, colours that can be told apart, shapes, and fonts found on this system."""
import functools
import math
import os
import pathlib

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from words import COLOURS

#: Debian packages fonts-dejavu-core, fonts-dejavu-extra, fonts-liberation2, fonts-open-sans; and fonts-noto-cjk.
LATIN = [
    "DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSerif.ttf", "DejaVuSerif-Bold.ttf", "DejaVuSansMono.ttf",
    "DejaVuSansCondensed.ttf", "LiberationSans-Regular.ttf", "LiberationSans-Bold.ttf", "LiberationSerif-Regular.ttf",
    "LiberationSerif-Bold.ttf", "LiberationMono-Regular.ttf", "OpenSans-Regular.ttf", "OpenSans-Bold.ttf",
]
CJK = ["NotoSansCJK-Regular.ttc", "NotoSansCJK-Bold.ttc", "NotoSerifCJK-Regular.ttc", "NotoSerifCJK-Bold.ttc"]
FOLDERS = [pathlib.Path(p) for p in os.environ.get("FONTS", "/usr/share/fonts").split(":")]


@functools.cache
def fonts():
    """File name -> path. A missing family is an error: the data would be another."""
    found = {}
    for folder in FOLDERS:
        for path in sorted(folder.rglob("*.tt?")) + sorted(folder.rglob("*.otf")):
            found.setdefault(path.name, path)
            found.setdefault(path.stem + ".ttc", path)  # a CJK face that was cut out of its collection
    missing = [name for name in LATIN + CJK if name not in found]
    if missing:
        raise SystemExit(f"draw: these fonts are missing in {FOLDERS}: {missing}; see scene.py for their packages")
    return found


@functools.lru_cache(maxsize=4096)
def font(name, size):
    path = fonts()[name]
    index = 2 if path.suffix == ".ttc" else 0  # SC
    return ImageFont.truetype(str(path), size, index=index)


def a_font(rng, lang, size):
    return font(rng.choice(CJK if lang == "zh" else LATIN + CJK[:2]), size)


def shade(rng, name, spread=14):
    return tuple(max(0, min(255, c + rng.randint(-spread, spread))) for c in COLOURS[name][2])


def apart(a, b):
    """Distance of two colours, green counting most as the eye has it."""
    return math.sqrt(2 * (a[0] - b[0]) ** 2 + 4 * (a[1] - b[1]) ** 2 + 3 * (a[2] - b[2]) ** 2)


PAPERS = [(255, 255, 255)] * 5 + [(245, 245, 240), (240, 244, 250), (235, 235, 235), (250, 240, 220), (225, 240, 225),
          (215, 230, 245), (250, 228, 232), (30, 32, 38), (18, 24, 40), (45, 45, 45), (60, 60, 72), (20, 40, 32), (0, 0, 0)]


def paper(rng, size, scale=1):
    """A ground of one colour, sometimes with a slope or grain: picture, mean colour."""
    w, h = size[0] * scale, size[1] * scale
    base = rng.choice(PAPERS) if rng.random() < 0.8 else tuple(rng.randint(0, 255) for _ in range(3))
    base = tuple(max(0, min(255, c + rng.randint(-6, 6))) for c in base)
    kind = rng.random()
    if kind < 0.84:
        return Image.new("RGB", (w, h), base), base
    if kind < 0.93:
        other = tuple(max(0, min(255, c + rng.randint(-30, 30))) for c in base)
        line = Image.fromarray(np.uint8([[base, other]]).reshape(1, 2, 3) if rng.random() < 0.5 else np.uint8([[base], [other]]))
        image = line.resize((w, h), Image.BILINEAR)
        return image, tuple((a + b) // 2 for a, b in zip(base, other))
    noise = np.random.default_rng(rng.getrandbits(32)).integers(-12, 13, (size[1] // 2 + 1, size[0] // 2 + 1, 1))
    grain = np.clip(np.int16(base) + noise, 0, 255).astype(np.uint8)
    return Image.fromarray(grain).resize((w, h), Image.NEAREST), base


def colours_on(rng, ground, count, pool=None, least=150):
    """Names of `count` different colours that stand out from the ground."""
    names = [n for n in (pool or COLOURS) if apart(COLOURS[n][2], ground) > least]
    rng.shuffle(names)
    return names[:count]


def polygon(cx, cy, radius, corners, turn):
    step = 2 * math.pi / corners
    return [(cx + radius * math.sin(turn + i * step), cy - radius * math.cos(turn + i * step)) for i in range(corners)]


def outline(shape, cx, cy, r, turn):
    """Corners of a shape whose farthest point is `r` away; None for round ones."""
    if shape == "square":
        return polygon(cx, cy, r, 4, math.pi / 4 + turn)
    if shape == "diamond":
        c, s = math.cos(turn), math.sin(turn)
        return [(cx + x * c - y * s, cy + x * s + y * c) for x, y in ((0, -r), (r * 0.62, 0), (0, r), (-r * 0.62, 0))]
    if shape == "triangle":
        return polygon(cx, cy, r, 3, turn)
    if shape == "hexagon":
        return polygon(cx, cy, r, 6, turn)
    if shape == "star":
        far, near = polygon(cx, cy, r, 5, turn), polygon(cx, cy, r * 0.42, 5, turn + math.pi / 5)
        return [p for pair in zip(far, near) for p in pair]
    if shape == "cross":
        a, c, s = r * 0.3, math.cos(turn), math.sin(turn)
        b = r * 0.95
        points = [(-a, -b), (a, -b), (a, -a), (b, -a), (b, a), (a, a), (a, b), (-a, b), (-a, a), (-b, a), (-b, -a), (-a, -a)]
        return [(cx + x * c - y * s, cy + x * s + y * c) for x, y in points]
    if shape == "rectangle":
        w, h = r * 0.9, r * 0.42
        c, s = math.cos(turn), math.sin(turn)
        return [(cx + x * c - y * s, cy + x * s + y * c) for x, y in ((-w, -h), (w, -h), (w, h), (-w, h))]
    if shape == "heart":
        points = []
        for i in range(40):
            t = i / 40 * 2 * math.pi
            points.append((cx + r / 17 * 16 * math.sin(t) ** 3,
                           cy - r / 17 * (13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)) - r * 0.06))
        return points
    return None


def draw_shape(draw, shape, cx, cy, r, turn, fill, scale, edge=None):
    """Draws at `scale` times the given numbers; gives back the box left, top, right, bottom in the numbers' own units."""
    points = outline(shape, cx, cy, r, turn)
    if points is None:
        box = (cx - r, cy - r, cx + r, cy + r)
        scaled = [v * scale for v in box]
        if shape == "ring":
            draw.ellipse(scaled, outline=fill, width=max(2, int(r * 0.34 * scale)))
        else:
            draw.ellipse(scaled, fill=fill, outline=edge, width=scale * 2 if edge else 0)
        return box
    draw.polygon([(x * scale, y * scale) for x, y in points], fill=fill)
    if edge:
        draw.line([(x * scale, y * scale) for x, y in points + points[:1]], fill=edge, width=scale * 2)
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    return min(xs), min(ys), max(xs), max(ys)


def thousandths(box, size):
    """A box in 0..999 of the picture, as the model writes it."""
    values = [v / side * 999 for v, side in zip(box, (size[0], size[1], size[0], size[1]))]
    return [max(0, min(999, round(v))) for v in values]
