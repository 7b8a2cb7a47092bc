"""Simple charts: bars with labels and values, cakes, lines."""
import math

from PIL import ImageDraw

from scene import a_font, apart, colours_on, font, paper, shade
from words import COLOURS, DAYS, FRUIT, MONTHS, TITLES

KINDS = {"bar": ("a bar chart", "柱状图"), "pie": ("a pie chart", "饼图"), "line": ("a line chart", "折线图")}


def scene(rng, size):
    kind = rng.choices(("bar", "pie", "line"), (5, 3, 2))[0]
    scale = 2 if max(size) <= 640 else 1
    image, ground = paper(rng, size, scale)
    draw = ImageDraw.Draw(image)
    ink = (30, 30, 30) if apart(ground, (0, 0, 0)) > 300 else (235, 235, 235)
    facts = []
    add = lambda task, en, zh, a, **more: facts.append(dict(task=task, slots=(en, zh), a=(a, a) if isinstance(a, str) else a, **more))
    written = rng.choice(("en", "zh"))  # a chart in one language may be asked about in the other
    top = 4
    if kind != "pie" and rng.random() < 0.5 and size[1] > 170:
        title = rng.choice(TITLES[written])
        face = a_font(rng, written, max(17, size[1] // 12) * scale)
        box = draw.textbbox((0, 0), title, font=face)
        draw.text(((size[0] * scale - box[2]) / 2, 4 * scale - box[1]), title, font=face, fill=ink)
        top = 10 + (box[3] - box[1]) / scale
        add("chart title", {}, {}, title)
    area = dict(left=10, right=size[0] - 10, top=top + 4, low=size[1] - 8)
    {"bar": bars, "pie": cake, "line": lines}[kind](rng, draw, size, scale, ground, ink, area, written, add)
    if scale == 2:
        image = image.reduce(2)
    return image, facts, KINDS[kind]


def bars(rng, draw, size, scale, ground, ink, area, written, add):
    shown = max(1, max(size) / 768)  # a larger picture is shown smaller
    count = rng.randint(2, max(2, min(6, int(size[0] / (42 * shown)))))
    slot = (area["right"] - area["left"]) / count
    least, most_size = 16 * shown, min(30 * shown, size[1] / 9)
    letters = {"letters": 1, "days": 2.1, "months": 2.1, "fruit": 2.1 if written == "zh" else 3.8}
    source = rng.choice([s for s, n in letters.items() if slot * 0.95 / n >= least] + ["letters"])
    if source == "letters":
        labels = [chr(65 + i) for i in range(count)]
    else:
        names = {"days": DAYS, "months": MONTHS, "fruit": FRUIT}[source][written]
        labels = names[:count] if source != "fruit" else rng.sample(names, count)
    most = rng.choice((10, 20, 50, 100))
    values = rng.sample(range(max(1, most // 10), most + 1), count)
    face_size = int(max(least, min(most_size, slot * 0.95 / letters[source])))
    face = a_font(rng, "zh" if written == "zh" and source != "letters" else "en", face_size * scale)
    small = font(rng.choice(("DejaVuSans.ttf", "LiberationSans-Regular.ttf", "OpenSans-Bold.ttf")),
                 int(max(least, min(face_size, slot / 1.9))) * scale)
    base, high = area["low"] - face_size - 6, area["top"] + face_size + 4
    inks = colours_on(rng, ground, count)
    same = rng.random() < 0.45 or len(inks) < count
    printed = rng.random() < 0.7
    draw.line([(area["left"] * scale, base * scale), (area["right"] * scale, base * scale)], fill=ink, width=2 * scale)
    for i, (label, value) in enumerate(zip(labels, values)):
        x0, x1 = area["left"] + slot * (i + 0.17), area["left"] + slot * (i + 0.83)
        y = base - (base - high) * value / most
        draw.rectangle([x0 * scale, y * scale, x1 * scale, base * scale], fill=shade(rng, inks[0 if same else i], 6))
        draw.text(((x0 + x1) / 2 * scale, (base + 3) * scale), label, font=face, fill=ink, anchor="ma")
        if printed:
            draw.text(((x0 + x1) / 2 * scale, (y - 2) * scale), str(value), font=small, fill=ink, anchor="md")
    ordered = sorted(range(count), key=values.__getitem__)
    gap = lambda a, b: values[b] - values[a] > 0.06 * most
    add("count bars", {}, {}, str(count))
    add("describe", {}, {}, (f"a bar chart with {count} bars", f"一张有{count}根柱子的柱状图"))
    if gap(ordered[-2], ordered[-1]):
        add("highest bar", {}, {}, labels[ordered[-1]])
    if gap(ordered[0], ordered[1]):
        add("lowest bar", {}, {}, labels[ordered[0]])
    i, j = rng.sample(range(count), 2)
    if abs(values[i] - values[j]) > 0.06 * most:
        higher = values[i] > values[j]
        slots = dict(a=labels[i], b=labels[j])
        add("compare bars", slots, slots, ("yes", "是") if higher else ("no", "不是"))
    if printed:
        i = rng.randrange(count)
        add("bar value", dict(label=labels[i]), dict(label=labels[i]), str(values[i]))
    if not same:
        i = rng.randrange(count)
        add("bar colour", dict(label=labels[i]), dict(label=labels[i]), COLOURS[inks[i]][:2])


def cake(rng, draw, size, scale, ground, ink, area, written, add):
    count = rng.randint(2, 5)
    inks = colours_on(rng, ground, count)
    count = len(inks)
    weights = [rng.uniform(0.6, 3) for _ in range(count)]
    shares = [w / sum(weights) for w in weights]
    r = min(size) * rng.uniform(0.36, 0.47)
    cx, cy = rng.uniform(r + 2, size[0] - r - 2), rng.uniform(r + 2, size[1] - r - 2)
    at = rng.uniform(0, 360)
    for colour, share in zip(inks, shares):
        draw.pieslice([(cx - r) * scale, (cy - r) * scale, (cx + r) * scale, (cy + r) * scale], at, at + share * 360,
                      fill=shade(rng, colour, 8), outline=ground, width=scale)
        at += share * 360
    name = lambda i: COLOURS[inks[i]][:2]
    ordered = sorted(range(count), key=shares.__getitem__)
    add("count slices", {}, {}, str(count))
    add("describe", {}, {}, (f"a pie chart with {count} slices", f"一张分成{count}块的饼图"))
    if shares[ordered[-1]] - shares[ordered[-2]] > 0.05:
        add("largest slice", {}, {}, name(ordered[-1]))
    if shares[ordered[1]] - shares[ordered[0]] > 0.05 and count > 2:
        add("smallest slice", {}, {}, name(ordered[0]))
    i = rng.randrange(count)
    if abs(shares[i] - 0.5) > 0.05:
        add("half", dict(colour=name(i)[0]), dict(colour=name(i)[1]), ("yes", "是") if shares[i] > 0.5 else ("no", "不是"))


def lines(rng, draw, size, scale, ground, ink, area, written, add):
    count = rng.choice((1, 1, 2, 3))
    inks = colours_on(rng, ground, count)
    left, right, high, low = area["left"] + 6, area["right"] - 4, area["top"] + 4, area["low"] - 8
    draw.line([(left * scale, (area["top"]) * scale), (left * scale, low * scale), (right * scale, low * scale)], fill=ink, width=2 * scale)
    ways = []
    for colour in inks:
        up = rng.random() < 0.5
        points = rng.randint(4, 7)
        steps = [rng.uniform(0.1, 1) for _ in range(points)]
        total = sum(steps)
        y, path = 0.0, []
        start, rise = rng.uniform(0.02, 0.3), rng.uniform(0.45, 0.66)
        for i, step in enumerate(steps):
            share = start + rise * y
            path.append((left + 4 + (right - left - 8) * i / (points - 1), low - 4 - (low - high - 8) * (share if up else 1 - share)))
            y += step / total
        fill = shade(rng, colour, 8)
        draw.line([(x * scale, v * scale) for x, v in path], fill=fill, width=3 * scale, joint="curve")
        if rng.random() < 0.5:
            for x, v in path:
                draw.ellipse([(x - 4) * scale, (v - 4) * scale, (x + 4) * scale, (v + 4) * scale], fill=fill)
        ways.append(up)
    add("count curves", {}, {}, str(len(inks)))
    lines = "1 line" if len(inks) == 1 else f"{len(inks)} lines"
    add("describe", {}, {}, (f"a line chart with {lines}", f"一张有{len(inks)}条线的折线图"))
    way = lambda i: ("up", "上升") if ways[i] else ("down", "下降")
    if len(inks) == 1:
        add("line colour", {}, {}, COLOURS[inks[0]][:2])
        add("trend", {}, {}, way(0))
    else:
        i = rng.randrange(len(inks))
        en, cn, _ = COLOURS[inks[i]]
        add("trend", dict(colour=en), dict(colour=cn), way(i), **{"as": "trend of"})
