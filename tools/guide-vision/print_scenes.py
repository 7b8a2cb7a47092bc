"""Scenes of printed words and numbers in several fonts: reading, colours, lines, boxes."""
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


def scene(rng, size, lang):
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
    return image, questions(rng, lang, placed, size)


def questions(rng, lang, placed, size):
    zh, turns = lang == "zh", []
    add = lambda task, en, cn, a: turns.append(dict(task=task, lang=lang, q=rng.choice(cn if zh else en), a=a))
    if not placed:
        return turns
    read = {"number": "read number", "en": "read English", "zh": "read Chinese"}
    kinds = {p["kind"] for p in placed}
    task = read[kinds.pop()] if len(kinds) == 1 else "read mixed"
    add(task, ["What does it say?", "Read the text.", "What is written here?", "What is the text?"],
        ["写的是什么？", "读一下文字。", "图上写了什么？", "文字是什么？"], " ".join(p["word"] for p in placed))
    numbers = [p for p in placed if p["kind"] == "number"]
    if len(numbers) == 1:
        add("read number", ["What number is shown?", "What is the number?", "Which number do you see?"],
            ["显示的数字是多少？", "数字是多少？", "图里的数字是几？"], numbers[0]["word"])
    one = rng.choice(placed)
    inks = {p["colour"] for p in placed}
    if len(inks) == 1:
        name = COLOURS[one["colour"]]
        add("ink", ["What colour is the text?", "Which colour are the letters?"], ["文字是什么颜色？", "字是什么颜色的？"], name[1] if zh else name[0])
    if len(placed) > 1:
        first = rng.random() < 0.5
        end = placed[0] if first else placed[-1]
        add("read line", ["What is the first line?", "What does the top line say?"] if first else ["What is the last line?", "What does the bottom line say?"],
            ["第一行写的是什么？", "最上面写的是什么？"] if first else ["最后一行写的是什么？", "最下面写的是什么？"], end["word"])
        add("count lines", ["How many lines of text are there?", "How many lines are there?"], ["有几行字？", "文字有几行？"], str(len(placed)))
        coloured = [p for p in placed if sum(o["colour"] == p["colour"] for o in placed) == 1]
        if coloured:
            p = rng.choice(coloured)
            en, cn, _ = COLOURS[p["colour"]]
            add("read by colour", [f"What does the {en} text say?", f"Which word is {en}?"], [f"{cn}的字是什么？", f"{cn}的文字写的是什么？"], p["word"])
    if sum(o["word"].lower() == one["word"].lower() for o in placed) == 1:
        box = f"<|ref|>{one['word']}<|/ref|><|det|>[{thousandths(one['box'], size)}]<|/det|>"
        add("box of text", [f"<|ref|>{one['word']}<|/ref|>.", f"Locate <|ref|>{one['word']}<|/ref|>."],
            [f"<|ref|>{one['word']}<|/ref|>.", f"定位<|ref|>{one['word']}<|/ref|>。"], box)
    return turns
