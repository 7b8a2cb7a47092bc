"""Draws pictures and asks about them: everything the small vision model was taught and is measured on.

    python draw.py FOLDER [--seed 1000000000] [--count 40]     writes pictures and questions.jsonl

A picture and its questions are made by one seed alone. Seeds below HELD_OUT are for training, the others for measuring.
SCREENS names the folder of window pictures that `npm run pages` makes (artefacts/ui).
"""
import argparse
import functools
import json
import os
import pathlib
import random

from PIL import Image

import charts
import print_scenes
import shape_scenes
from words import BEYOND, HELLO, NOTHING_SHOWN

HELD_OUT = 1_000_000_000
#: Frames of one tile, and of more: width and height in tiles.
GRIDS = [(1, 1), (2, 1), (1, 2), (2, 2), (3, 2), (2, 3)]
SIDE = 256
SHARES = [("shapes", 0.42), ("print", 0.34), ("charts", 0.15), ("screens", 0.05), ("talk", 0.04)]
SCREENS = pathlib.Path(os.environ.get("SCREENS", pathlib.Path(__file__).resolve().parents[2] / "artefacts/ui"))
PAGES = {
    "begin": ("Chat", "聊天"), "chat": ("Chat", "聊天"), "interrupted": ("Chat", "聊天"), "cloud-chat": ("Chat", "聊天"),
    "models": ("Models", "模型"), "hardware": ("Hardware", "硬件"), "settings": ("Settings", "设置"),
    "clouds": ("Settings", "设置"), "welcome": ("Welcome", "欢迎"),
}


def a_size(rng, grid):
    """A picture's size for which the tiles come out as `grid`."""
    w, h = grid
    if grid == (1, 1):
        if rng.random() < 0.4:
            return 256, 256
        return rng.randint(144, 256), rng.randint(144, 256)
    if grid in ((2, 1), (1, 2)):
        wide, low = rng.randint(300, 620), 0
        low = rng.randint(int(wide * 0.36), min(256, int(wide * 0.6)))
        return (wide, low) if grid == (2, 1) else (low, wide)
    if grid == (2, 2):
        wide = rng.randint(300, 600)
        return wide, max(270, int(wide * rng.uniform(0.85, 1.15)))
    wide = rng.randint(600, 1100)
    low = int(wide * rng.uniform(0.56, 0.72))
    return (wide, low) if grid == (3, 2) else (low, wide)


def screens_scene(rng, size, lang, held_out):
    """A picture of this app's window, seen at some size; one combination in eight is kept for measuring."""
    shots = screens()
    kept = [s for s in shots if s["held_out"] == held_out]
    shot = rng.choice(kept)
    image = shot_image(shot["name"])
    cut = [0, 0, image.width, image.height]
    if not held_out:
        cut = [rng.randint(0, image.width // 25), rng.randint(0, image.height // 25),
               image.width - rng.randint(0, image.width // 8), image.height - rng.randint(0, image.height // 8)]
    image = image.crop(cut)
    scale = min(size[0] / image.width, size[1] / image.height)
    image = image.resize((max(64, int(image.width * scale)), max(64, int(image.height * scale))), Image.BILINEAR)
    ask = lambda task, en, zh, a_en, a_zh: dict(
        task=task, lang=lang, q=rng.choice(zh if lang == "zh" else en), a=a_zh if lang == "zh" else a_en)
    turns = [
        ask("screen page", ["Which page is open?", "Which page of the app is this?", "What page is shown?"],
            ["打开的是哪个页面？", "这是哪个页面？", "现在显示的是哪一页？"], *shot["page"]),
        ask("screen theme", ["Is the theme light or dark?", "Light or dark theme?", "Is this light or dark mode?"],
            ["是浅色还是深色主题？", "主题是深色还是浅色？", "是深色模式还是浅色模式？"],
            *(("dark", "深色") if shot["dark"] else ("light", "浅色"))),
        ask("screen language", ["Which language is the window in?", "What language is the text?", "Is the window in English or Chinese?"],
            ["窗口是什么语言？", "界面用的是什么语言？", "界面是中文还是英文？"],
            *(("Chinese", "中文") if shot["zh"] else ("English", "英文"))),
        ask("screen app", ["Which app is this?", "What app is shown?", "What program is this?"],
            ["这是什么应用？", "这是哪个软件？", "图里是什么程序？"], "Whaledeck", "Whaledeck"),
        kind_turn(rng, lang, "a window of Whaledeck", "Whaledeck 的窗口"),
    ]
    return image, turns


@functools.cache
def screens():
    shots = []
    for path in sorted(SCREENS.glob("*-*-*-*.png")):
        name, lang, theme, width = path.stem.rsplit("-", 3)
        if name in PAGES:
            at = list(PAGES).index(name)
            rest = (lang == "zh") + 2 * (theme == "dark") + 4 * (width == "800")
            shots.append(dict(name=path.name, page=PAGES[name], dark=theme == "dark", zh=lang == "zh", held_out=at % 8 == rest))
    if not shots:
        raise SystemExit(f"draw: no window pictures in {SCREENS}; run `npm run build:mock` and `npm run pages` in ui/")
    return shots


@functools.cache
def shot_image(name):
    return Image.open(SCREENS / name).convert("RGB")


def kind_turn(rng, lang, en, zh):
    """Asked of every picture."""
    if lang == "zh":
        return dict(task="kind", lang=lang, q=rng.choice(["这是什么图？", "这是一张什么样的图？", "图片是什么类型？"]), a=zh)
    return dict(task="kind", lang=lang, q=rng.choice(
        ["What kind of picture is this?", "What is this picture?", "What type of picture is it?"]), a=en)


def talk_turn(rng, lang, table, task):
    questions, answer = table[lang]
    return dict(task=task, lang=lang, q=rng.choice(questions), a=answer)


KINDS = {
    "shapes": ("a picture of shapes", "图形"), "print": ("a picture of text", "文字"),
}


def example(seed, grid, most=6):
    """(picture, turns): each turn has task, lang, q and a; boxes are in the answer, as the model writes them."""
    rng = random.Random(seed)
    held_out = seed >= HELD_OUT
    kind = rng.choices([n for n, _ in SHARES], [s for _, s in SHARES])[0]
    lang = rng.choice(("en", "zh"))
    size = a_size(rng, grid)
    if kind == "screens":
        image, turns = screens_scene(rng, size, lang, held_out)
    elif kind == "charts":
        image, turns, (en, zh) = charts.scene(rng, size, lang)
        turns.append(kind_turn(rng, lang, en, zh))
    else:
        maker = print_scenes if kind == "print" or (kind == "talk" and rng.random() < 0.3) else shape_scenes
        image, turns = maker.scene(rng, size, lang)
        turns.append(kind_turn(rng, lang, *KINDS["print" if maker is print_scenes else "shapes"]))
        if kind == "talk":
            turns = [talk_turn(rng, lang, HELLO, "hello"), talk_turn(rng, lang, BEYOND, "beyond")] + rng.sample(turns, min(2, len(turns)))
    kept = turns if len(turns) <= most else rng.sample(turns, most)
    rng.shuffle(kept)
    for turn in kept:
        turn["q"] = roughened(rng, turn["q"])
    return image, kept


def roughened(rng, question):
    """As people type: without the mark at the end, without capitals."""
    if "<|" in question:
        return question
    roll = rng.random()
    if roll < 0.12:
        return question.rstrip("?？.。")
    if roll < 0.2:
        return question.lower()
    return question


def unseen(seed):
    """A turn about nothing: what is said when no picture is shown."""
    rng = random.Random(seed)
    lang = rng.choice(("en", "zh"))
    roll = rng.random()
    table, task = (HELLO, "hello") if roll < 0.4 else (NOTHING_SHOWN, "no picture") if roll < 0.8 else (BEYOND, "beyond")
    turn = talk_turn(rng, lang, table, task)
    return dict(turn, q=roughened(rng, turn["q"]))


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("folder", type=pathlib.Path)
    ap.add_argument("--seed", type=int, default=HELD_OUT)
    ap.add_argument("--count", type=int, default=40)
    args = ap.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    with (args.folder / "questions.jsonl").open("w", encoding="utf-8") as out:
        for at in range(args.count):
            # Every second of one tile, the others of up to four: larger ones are large files.
            image, turns = example(args.seed + at, GRIDS[0] if at % 2 else GRIDS[at // 2 % 4])
            image.save(args.folder / f"{at:02}.png", optimize=True)
            for turn in turns:
                print(json.dumps(dict(picture=f"{at:02}.png", **turn), ensure_ascii=False), file=out)


if __name__ == "__main__":
    main()
