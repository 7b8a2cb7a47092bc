"""Simple charts: bars with labels and values, cakes, lines."""
import math

from PIL import ImageDraw

from scene import a_font, apart, colours_on, font, paper, shade
from words import COLOURS, DAYS, FRUIT, MONTHS, TITLES

KINDS = {"bar": ("a bar chart", "柱状图"), "pie": ("a pie chart", "饼图"), "line": ("a line chart", "折线图")}


def scene(rng, size, lang):
    kind = rng.choices(("bar", "pie", "line"), (5, 3, 2))[0]
    scale = 2 if max(size) <= 640 else 1
    image, ground = paper(rng, size, scale)
    draw = ImageDraw.Draw(image)
    ink = (30, 30, 30) if apart(ground, (0, 0, 0)) > 300 else (235, 235, 235)
    zh, turns = lang == "zh", []
    add = lambda task, en, cn, a: turns.append(dict(task=task, lang=lang, q=rng.choice(cn if zh else en), a=a))
    written = rng.choice(("en", "zh"))  # a chart in one language may be asked about in the other
    top = 4
    if kind != "pie" and rng.random() < 0.5 and size[1] > 170:
        title = rng.choice(TITLES[written])
        face = a_font(rng, written, max(17, size[1] // 12) * scale)
        box = draw.textbbox((0, 0), title, font=face)
        draw.text(((size[0] * scale - box[2]) / 2, 4 * scale - box[1]), title, font=face, fill=ink)
        top = 10 + (box[3] - box[1]) / scale
        add("chart title", ["What is the title of the chart?", "What is the chart about?"], ["图表的标题是什么？", "这张图表说的是什么？"], title)
    area = dict(left=10, right=size[0] - 10, top=top + 4, low=size[1] - 8)
    {"bar": bars, "pie": cake, "line": lines}[kind](rng, draw, size, scale, ground, ink, area, written, lang, add)
    if scale == 2:
        image = image.reduce(2)
    return image, turns, KINDS[kind]


def bars(rng, draw, size, scale, ground, ink, area, written, lang, add):
    zh = lang == "zh"
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
    add("count bars", ["How many bars are there?", "Count the bars."], ["有几根柱子？", "柱子有多少根？"], str(count))
    if gap(ordered[-2], ordered[-1]):
        add("highest bar", ["Which bar is the highest?", "Which has the highest value?", "What is the largest?"],
            ["哪根柱子最高？", "哪一个最高？", "哪个数值最大？"], labels[ordered[-1]])
    if gap(ordered[0], ordered[1]):
        add("lowest bar", ["Which bar is the lowest?", "Which has the lowest value?", "What is the smallest?"],
            ["哪根柱子最低？", "哪一个最低？", "哪个数值最小？"], labels[ordered[0]])
    i, j = rng.sample(range(count), 2)
    if abs(values[i] - values[j]) > 0.06 * most:
        higher = values[i] > values[j]
        add("compare bars", [f"Is {labels[i]} higher than {labels[j]}?"], [f"{labels[i]}比{labels[j]}高吗？"],
            ("是" if higher else "不是") if zh else ("yes" if higher else "no"))
    if printed:
        i = rng.randrange(count)
        add("bar value", [f"What is the value of {labels[i]}?", f"How much is {labels[i]}?"], [f"{labels[i]}的数值是多少？", f"{labels[i]}是多少？"], str(values[i]))
    if not same:
        i = rng.randrange(count)
        colour = COLOURS[inks[i]]
        add("bar colour", [f"What colour is the bar of {labels[i]}?"], [f"{labels[i]}的柱子是什么颜色？"], colour[1] if zh else colour[0])


def cake(rng, draw, size, scale, ground, ink, area, written, lang, add):
    zh = lang == "zh"
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
    name = lambda i: COLOURS[inks[i]][1 if zh else 0]
    ordered = sorted(range(count), key=shares.__getitem__)
    add("count slices", ["How many slices are there?", "How many parts does it have?"], ["有几块？", "分成了几部分？"], str(count))
    if shares[ordered[-1]] - shares[ordered[-2]] > 0.05:
        add("largest slice", ["Which colour is the largest slice?", "Which slice is the largest?"], ["最大的一块是什么颜色？", "哪种颜色最多？"], name(ordered[-1]))
    if shares[ordered[1]] - shares[ordered[0]] > 0.05 and count > 2:
        add("smallest slice", ["Which colour is the smallest slice?", "Which slice is the smallest?"], ["最小的一块是什么颜色？", "哪种颜色最少？"], name(ordered[0]))
    i = rng.randrange(count)
    if abs(shares[i] - 0.5) > 0.05:
        large = shares[i] > 0.5
        add("half", [f"Is {name(i)} more than half?"], [f"{name(i)}超过一半吗？"], ("是" if large else "不是") if zh else ("yes" if large else "no"))


def lines(rng, draw, size, scale, ground, ink, area, written, lang, add):
    zh = lang == "zh"
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
    add("count curves", ["How many lines are in the chart?", "How many lines does the chart have?"], ["有几条线？", "图表里有多少条线？"], str(len(inks)))
    if len(inks) == 1:
        colour = COLOURS[inks[0]]
        add("line colour", ["What colour is the line?"], ["线是什么颜色？", "折线是什么颜色？"], colour[1] if zh else colour[0])
        add("trend", ["Does the line go up or down?", "Is it rising or falling?"], ["是上升还是下降？", "折线在上升还是下降？"],
            ("上升" if ways[0] else "下降") if zh else ("up" if ways[0] else "down"))
    else:
        i = rng.randrange(len(inks))
        en, cn, _ = COLOURS[inks[i]]
        add("trend", [f"Does the {en} line go up or down?"], [f"{cn}的线是上升还是下降？"], ("上升" if ways[i] else "下降") if zh else ("up" if ways[i] else "down"))
