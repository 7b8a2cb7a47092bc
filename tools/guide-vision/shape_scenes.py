"""Scenes of coloured shapes: counting, naming, places, comparison, description, boxes."""
from PIL import ImageDraw

from scene import colours_on, draw_shape, paper, shade, thousandths
from words import COLOURS, PLACES, SHAPES

TURNS_FREELY = {"star", "hexagon", "circle", "ring"}


def named(lang, thing, article=False):
    colour, shape = COLOURS[thing["colour"]], SHAPES[thing["shape"]]
    if lang == "zh":
        return ("一个" if article else "") + colour[1] + shape[2]
    a = ("an " if colour[0][0] in "aeiou" else "a ") if article else ""
    return f"{a}{colour[0]} {shape[0]}"


def place(rng, things, size):
    """Where one more fits: centre and radius, or None."""
    short = min(size)
    biggest = 0.34 if not things else 0.2 if len(things) < 4 else 0.15
    for _ in range(30):
        r = max(13, short * rng.uniform(0.085, biggest))
        if 2 * r > short * 0.9:
            continue
        cx, cy = rng.uniform(r + 2, size[0] - r - 2), rng.uniform(r + 2, size[1] - r - 2)
        if all((cx - o["cx"]) ** 2 + (cy - o["cy"]) ** 2 > (r + o["r"] + 3) ** 2 for o in things):
            return cx, cy, r
    return None


def scene(rng, size, lang):
    scale = 2 if max(size) <= 640 else 1
    image, ground = paper(rng, size, scale)
    draw = ImageDraw.Draw(image)
    count = rng.choice((1, 2, 2, 3, 3, 3, 4, 4, 5, 6, 7, 8, 9))
    palette = colours_on(rng, ground, rng.choice((2, 3, 4, 6, 9)))
    shapes = rng.sample(list(SHAPES), rng.choice((1, 2, 3, 3, 4, 6)))
    edge = rng.random() < 0.12
    things = []
    for _ in range(count):
        spot = place(rng, things, size)
        if spot is None:
            break
        cx, cy, r = spot
        shape, colour = rng.choice(shapes), rng.choice(palette)
        turn = rng.uniform(0, 6.28) if shape in TURNS_FREELY else rng.uniform(-0.17, 0.17)
        if shape == "rectangle" and rng.random() < 0.3:
            turn += 1.5708
        box = draw_shape(draw, shape, cx, cy, r, turn, shade(rng, colour), scale, (30, 30, 30) if edge else None)
        mid = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
        things.append(dict(shape=shape, colour=colour, cx=cx, cy=cy, r=r, box=box, mid=mid))
    if scale == 2:
        image = image.reduce(2)
    return image, questions(rng, lang, things, size)


def questions(rng, lang, things, size):
    zh = lang == "zh"
    turns = []
    add = lambda task, en, cn, a: turns.append(dict(task=task, lang=lang, q=rng.choice(cn if zh else en), a=a))
    count_of = lambda test: str(sum(1 for t in things if test(t)))
    add("count all", ["How many shapes are there?", "How many shapes do you see?", "Count the shapes."],
        ["有几个图形？", "图里有多少个图形？", "数一数有几个图形。"], str(len(things)))
    present = [t["shape"] for t in things]
    shape = rng.choice(present) if rng.random() < 0.85 else rng.choice(list(SHAPES))
    one, many, cn = SHAPES[shape]
    add("count shape", [f"How many {many} are there?", f"How many {many} do you see?", f"Count the {many}."],
        [f"有几个{cn}？", f"图里有多少个{cn}？", f"数一数{cn}有几个。"], count_of(lambda t: t["shape"] == shape))
    colour = rng.choice([t["colour"] for t in things]) if rng.random() < 0.85 else rng.choice(list(COLOURS))
    en, cn, _ = COLOURS[colour]
    add("count colour", [f"How many {en} shapes are there?", f"How many shapes are {en}?"],
        [f"有几个{cn}的图形？", f"图里{cn}的图形有多少个？"], count_of(lambda t: t["colour"] == colour))
    asked = rng.choice(things) if rng.random() < 0.5 else dict(shape=rng.choice(present), colour=colour)
    name = named(lang, asked)
    there = any(t["shape"] == asked["shape"] and t["colour"] == asked["colour"] for t in things)
    a = "a " if name[0] not in "aeiou" else "an "
    add("exists", [f"Is there {a}{name}?", f"Do you see {a}{name}?"], [f"有{name}吗？", f"图里有没有{name}？"],
        ("有" if there else "没有") if zh else ("yes" if there else "no"))
    only = lambda key, t: sum(1 for o in things if all(o[k] == t[k] for k in key)) == 1
    for thing in rng.sample(things, min(3, len(things))):
        s, c, name = SHAPES[thing["shape"]], COLOURS[thing["colour"]], named(lang, thing)
        if only(["shape"], thing):
            add("colour", [f"What colour is the {s[0]}?", f"Which colour is the {s[0]}?", f"What color is the {s[0]}?"],
                [f"{s[2]}是什么颜色？", f"{s[2]}是什么颜色的？"], c[1] if zh else c[0])
        if only(["colour"], thing):
            add("shape", [f"What shape is {c[0]}?", f"Which shape is {c[0]}?", f"What is the {c[0]} shape?"],
                [f"{c[1]}的是什么图形？", f"哪个图形是{c[1]}的？"], s[2] if zh else s[0])
        if only(["shape", "colour"], thing):
            cell = [v / side * 3 for v, side in zip(thing["mid"], size)]
            if all(abs(v - edge) > 0.09 for v in cell for edge in (1, 2)):
                add("position", [f"Where is the {name}?", f"In which part of the picture is the {name}?"],
                    [f"{name}在哪里？", f"{name}在图的什么位置？"], PLACES[lang][int(cell[1])][int(cell[0])])
            add("box", [f"<|ref|>the {name}<|/ref|>.", f"Locate <|ref|>the {name}<|/ref|>.", f"Find the {name}.",
                        f"Draw a box around the {name}."],
                [f"<|ref|>{name}<|/ref|>.", f"定位<|ref|>{name}<|/ref|>。", f"框出{name}。", f"找到{name}。"],
                pointed(name if zh else f"the {name}", [thing["box"]], size))
    several = [t for t in things if t["shape"] == shape]
    if 2 <= len(several) <= 3 and firmly_ordered(several, 0, size, 0.02):
        several.sort(key=lambda t: t["mid"][0])
        add("boxes", [f"<|ref|>all {many}<|/ref|>.", f"Find all {many}.", f"Locate <|ref|>all {many}<|/ref|>."],
            [f"<|ref|>所有{SHAPES[shape][2]}<|/ref|>.", f"找到所有{SHAPES[shape][2]}。", f"框出所有{SHAPES[shape][2]}。"],
            pointed(f"所有{SHAPES[shape][2]}" if zh else f"all {many}", [t["box"] for t in several], size))
    compare(rng, lang, things, size, add, only)
    return turns


def firmly_ordered(things, axis, size, gap):
    at = sorted(t["mid"][axis] for t in things)
    return all(b - a > gap * size[axis] for a, b in zip(at, at[1:]))


def pointed(name, boxes, size):
    return f"<|ref|>{name}<|/ref|><|det|>[{', '.join(str(thousandths(b, size)) for b in boxes)}]<|/det|>"


def compare(rng, lang, things, size, add, only):
    zh = lang == "zh"
    single = [t for t in things if only(["shape", "colour"], t)]
    if len(single) >= 2:
        a, b = rng.sample(single, 2)
        first, second = named(lang, a), named(lang, b)
        axis = rng.randint(0, 1)
        if abs(a["mid"][axis] - b["mid"][axis]) > 0.07 * size[axis]:
            before = rng.random() < 0.5
            is_so = (a["mid"][axis] < b["mid"][axis]) == before
            word = (("left of", "right of"), ("above", "below"))[axis][not before]
            word_zh = (("左边", "右边"), ("上面", "下面"))[axis][not before]
            add("relation", [f"Is the {first} {word} the {second}?"], [f"{first}在{second}的{word_zh}吗？"],
                ("是" if is_so else "不是") if zh else ("yes" if is_so else "no"))
        if max(a["r"], b["r"]) / min(a["r"], b["r"]) > 1.3 and a["shape"] == b["shape"]:
            bigger = rng.random() < 0.5
            won = a if (a["r"] > b["r"]) == bigger else b
            add("size", [f"Which is {'larger' if bigger else 'smaller'}, the {first} or the {second}?"],
                [f"{first}和{second}哪个更{'大' if bigger else '小'}？"], named(lang, won))
    if 2 <= len(things) <= 6:
        axis, last = rng.randint(0, 1), rng.random() < 0.5
        row = sorted(things, key=lambda t: t["mid"][axis], reverse=last)
        if abs(row[0]["mid"][axis] - row[1]["mid"][axis]) > 0.05 * size[axis]:
            words = (("leftmost", "rightmost"), ("topmost", "lowest"))[axis][last], (("最左边", "最右边"), ("最上面", "最下面"))[axis][last]
            far = ("farthest left", "farthest right"), ("highest up", "lowest down")
            add("outermost", [f"What is the {words[0]} shape?", f"Which shape is {far[axis][last]}?"],
                [f"{words[1]}的是什么？", f"{words[1]}是什么图形？"], named(lang, row[0]))
    if len(things) <= 3 and firmly_ordered(things, 0, size, 0.06):
        row = [named(lang, t, article=True) for t in sorted(things, key=lambda t: t["mid"][0])]
        if zh:
            text = row[0] if len(row) == 1 else "、".join(row[:-1]) + "和" + row[-1]
        else:
            text = row[0] if len(row) == 1 else ", ".join(row[:-1]) + " and " + row[-1]
        add("describe", ["What do you see?", "Describe the picture.", "What is in the picture?", "Describe this image."],
            ["你看到了什么？", "描述一下图片。", "图里有什么？", "描述这张图。"], text)
