"""Scenes of coloured shapes and the facts of them: counting, naming, places, comparison, description, boxes."""
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


def scene(rng, size):
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
    return image, facts_of(rng, things, size)


def names(thing, article=False):
    return named("en", thing, article), named("zh", thing, article)


def facts_of(rng, things, size):
    """What can be asked of these shapes, in both languages."""
    facts = []
    add = lambda task, en, zh, a: facts.append(dict(task=task, slots=(en, zh), a=(a, a) if isinstance(a, str) else a))
    count_of = lambda test: str(sum(1 for t in things if test(t)))
    add("count all", {}, {}, str(len(things)))
    present = [t["shape"] for t in things]
    for shape in {rng.choice(present), rng.choice(present), rng.choice(list(SHAPES)) if rng.random() < 0.3 else present[0]}:
        add("count shape", dict(many=SHAPES[shape][1]), dict(many=SHAPES[shape][2]), count_of(lambda t: t["shape"] == shape))
    colour = rng.choice([t["colour"] for t in things]) if rng.random() < 0.85 else rng.choice(list(COLOURS))
    en, cn, _ = COLOURS[colour]
    add("count colour", dict(colour=en), dict(colour=cn), count_of(lambda t: t["colour"] == colour))
    asked = rng.choice(things) if rng.random() < 0.5 else dict(shape=rng.choice(present), colour=colour)
    name, name_zh = names(asked)
    there = any(t["shape"] == asked["shape"] and t["colour"] == asked["colour"] for t in things)
    add("exists", dict(thing=name, a_thing=names(asked, True)[0]), dict(thing=name_zh), ("yes", "有") if there else ("no", "没有"))
    only = lambda key, t: sum(1 for o in things if all(o[k] == t[k] for k in key)) == 1
    for thing in rng.sample(things, min(3, len(things))):
        s, c, (name, name_zh) = SHAPES[thing["shape"]], COLOURS[thing["colour"]], names(thing)
        if only(["shape"], thing):
            add("colour", dict(shape=s[0]), dict(shape=s[2]), (c[0], c[1]))
        if only(["colour"], thing):
            add("shape", dict(colour=c[0]), dict(colour=c[1]), (s[0], s[2]))
        if only(["shape", "colour"], thing):
            cell = [v / side * 3 for v, side in zip(thing["mid"], size)]
            if all(abs(v - edge) > 0.09 for v in cell for edge in (1, 2)):
                add("position", dict(thing=name), dict(thing=name_zh), tuple(PLACES[lang][int(cell[1])][int(cell[0])] for lang in ("en", "zh")))
            add("box", dict(thing=name), dict(thing=name_zh),
                (pointed(f"the {name}", [thing["box"]], size), pointed(name_zh, [thing["box"]], size)))
    shape = rng.choice(present)
    several = [t for t in things if t["shape"] == shape]
    if 2 <= len(several) <= 3 and firmly_ordered(several, 0, size, 0.02):
        several.sort(key=lambda t: t["mid"][0])
        boxes = [t["box"] for t in several]
        add("boxes", dict(many=SHAPES[shape][1]), dict(many=SHAPES[shape][2]),
            (pointed(f"all {SHAPES[shape][1]}", boxes, size), pointed(f"所有{SHAPES[shape][2]}", boxes, size)))
    compare(rng, things, size, add, only)
    add("describe", {}, {}, described(things))
    return facts


def described(things):
    """Up to three are named from left to right, more are counted."""
    if len(things) > 3:
        return f"a picture of {len(things)} shapes", f"{len(things)}个图形"
    row = sorted(things, key=lambda t: t["mid"][0])
    en, zh = [named("en", t, True) for t in row], [named("zh", t, True) for t in row]
    joined = lambda parts, comma, last: parts[0] if len(parts) == 1 else comma.join(parts[:-1]) + last + parts[-1]
    return joined(en, ", ", " and "), joined(zh, "、", "和")


def firmly_ordered(things, axis, size, gap):
    at = sorted(t["mid"][axis] for t in things)
    return all(b - a > gap * size[axis] for a, b in zip(at, at[1:]))


def pointed(name, boxes, size):
    return f"<|ref|>{name}<|/ref|><|det|>[{', '.join(str(thousandths(b, size)) for b in boxes)}]<|/det|>"


def compare(rng, things, size, add, only):
    single = [t for t in things if only(["shape", "colour"], t)]
    if len(single) >= 2:
        a, b = rng.sample(single, 2)
        (first, first_zh), (second, second_zh) = names(a), names(b)
        axis = rng.randint(0, 1)
        if abs(a["mid"][axis] - b["mid"][axis]) > 0.07 * size[axis]:
            before = rng.random() < 0.5
            is_so = (a["mid"][axis] < b["mid"][axis]) == before
            side = (("left of", "right of"), ("above", "below"))[axis][not before]
            side_zh = (("左边", "右边"), ("上面", "下面"))[axis][not before]
            add("relation", dict(first=first, second=second, side=side), dict(first=first_zh, second=second_zh, side=side_zh),
                ("yes", "是") if is_so else ("no", "不是"))
        if max(a["r"], b["r"]) / min(a["r"], b["r"]) > 1.3 and a["shape"] == b["shape"]:
            bigger = rng.random() < 0.5
            won = a if (a["r"] > b["r"]) == bigger else b
            add("size", dict(first=first, second=second, more="larger" if bigger else "smaller"),
                dict(first=first_zh, second=second_zh, more="大" if bigger else "小"), names(won))
    if 2 <= len(things) <= 6:
        axis, last = rng.randint(0, 1), rng.random() < 0.5
        row = sorted(things, key=lambda t: t["mid"][axis], reverse=last)
        if abs(row[0]["mid"][axis] - row[1]["mid"][axis]) > 0.05 * size[axis]:
            far = (("farthest left", "farthest right"), ("highest up", "lowest down"))[axis][last]
            add("outermost", dict(most=(("leftmost", "rightmost"), ("topmost", "lowest"))[axis][last], far=far),
                dict(most=(("最左边", "最右边"), ("最上面", "最下面"))[axis][last]), names(row[0]))
