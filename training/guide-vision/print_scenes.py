"""Scenes of printed words and numbers in several fonts and the facts of them: reading, colours, lines, boxes."""
from PIL import ImageDraw

from scene import a_font, colours_on, paper, shade, thousandths
from words import CHINESE, COLOURS, ENGLISH

#: Written the same large and small but for the size.
AMBIGUOUS = set("cosuvwxz")


def a_word(rng, kind):
    if kind == "number":
        return str(rng.randint(0, 9)) if rng.random() < 0.15 else str(rng.randint(10, 10 ** rng.randint(2, 5) - 1))
    if kind == "zh":
        return rng.choice(CHINESE)
    word = rng.choice(ENGLISH)
    roll = rng.random()
    if roll < 0.3:
        return word.capitalize()
    if roll < 0.6 and not set(word) <= AMBIGUOUS:
        return word.upper()
    return word


def scene(rng, size):
    image, ground = paper(rng, size)
    draw = ImageDraw.Draw(image)
    kind = rng.choices(("number", "en", "zh"), (4, 4, 4))[0]
    lines = rng.choices((1, 2, 3), (7, 3, 1))[0]
    inks = colours_on(rng, ground, 3, least=210)
    if rng.random() < 0.35:
        inks = inks[:1]
    placed = []
    for line in range(lines):
        kind = kind if rng.random() < 0.7 else rng.choice(("number", "en", "zh"))
        word = a_word(rng, kind)
        top, low = size[1] * line / lines, size[1] * (line + 1) / lines
        for _ in range(8):
            least = 25 * max(1, max(size) / 768)  # the larger picture is shown smaller
            height = int(rng.uniform(least, max(least + 1, min(max(84, min(size) * 0.3), (low - top) * 0.72))))
            face = a_font(rng, "zh" if kind == "zh" else "en", height)
            box = draw.textbbox((0, 0), word, font=face)
            w, h = box[2] - box[0], box[3] - box[1]
            if w < size[0] - 8 and h < low - top - 3:
                break
        else:
            continue
        x, y = rng.uniform(4, size[0] - w - 4), rng.uniform(top + 2, low - h - 2)
        if rng.random() < 0.35:
            x = (size[0] - w) / 2
        colour = rng.choice(inks)
        draw.text((x - box[0], y - box[1]), word, font=face, fill=shade(rng, colour, 10))
        placed.append(dict(word=word, kind=kind, colour=colour, box=(x, y, x + w, y + h)))
    return image, facts_of(rng, placed, size)


def facts_of(rng, placed, size):
    facts = []
    add = lambda task, en, zh, a, **more: facts.append(dict(task=task, slots=(en, zh), a=(a, a) if isinstance(a, str) else a, **more))
    if not placed:
        return facts
    kinds = {p["kind"] for p in placed}
    task = {"number": "read number", "en": "read English", "zh": "read Chinese"}[kinds.pop()] if len(kinds) == 1 else "read mixed"
    words = " ".join(p["word"] for p in placed)
    facts.append({"task": task, "as": "read", "slots": ({}, {}), "a": (words, words)})
    add("describe", {}, {}, (f"the text “{words}”", f"文字“{words}”"))
    numbers = [p for p in placed if p["kind"] == "number"]
    if len(numbers) == 1:
        add("read number", {}, {}, numbers[0]["word"])
    one = rng.choice(placed)
    if len({p["colour"] for p in placed}) == 1:
        add("ink", {}, {}, COLOURS[one["colour"]][:2])
    if len(placed) > 1:
        first = rng.random() < 0.5
        add("read line", dict(nth="first", end="top") if first else dict(nth="last", end="bottom"),
            dict(nth="第一行", end="最上面") if first else dict(nth="最后一行", end="最下面"), (placed[0] if first else placed[-1])["word"])
        add("count lines", {}, {}, str(len(placed)))
        coloured = [p for p in placed if sum(o["colour"] == p["colour"] for o in placed) == 1]
        if coloured:
            p = rng.choice(coloured)
            en, cn, _ = COLOURS[p["colour"]]
            add("read by colour", dict(colour=en), dict(colour=cn), p["word"])
    if sum(o["word"].lower() == one["word"].lower() for o in placed) == 1:
        add("box of text", dict(word=one["word"]), dict(word=one["word"]),
            f"<|ref|>{one['word']}<|/ref|><|det|>[{thousandths(one['box'], size)}]<|/det|>")
    return facts
