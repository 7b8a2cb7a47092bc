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
import unknown
import phrases
from general import general_turn

HELD_OUT = 1_000_000_000
#: Frames of one tile, and of more: width and height in tiles.
GRIDS = [(1, 1), (2, 1), (1, 2), (2, 2), (3, 2), (2, 3)]
SIDE = 256
SHARES = [("shapes", 0.41), ("print", 0.34), ("charts", 0.17), ("screens", 0.05), ("unknown", 0.03)]
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


def screens_scene(rng, size, held_out):
    """A picture of this app's window, seen at some size; one combination in eight is kept for measuring."""
    shot = rng.choice([s for s in screens() if s["held_out"] == held_out])
    image = shot_image(shot["name"])
    cut = [0, 0, image.width, image.height]
    if not held_out:
        cut = [rng.randint(0, image.width // 25), rng.randint(0, image.height // 25),
               image.width - rng.randint(0, image.width // 8), image.height - rng.randint(0, image.height // 8)]
    image = image.crop(cut)
    scale = min(size[0] / image.width, size[1] / image.height)
    image = image.resize((max(64, int(image.width * scale)), max(64, int(image.height * scale))), Image.BILINEAR)
    fact = lambda task, a: dict(task=task, slots=({}, {}), a=a)
    en, zh = shot["page"]
    return image, [
        fact("screen page", (en, zh)), fact("screen theme", ("dark", "深色") if shot["dark"] else ("light", "浅色")),
        fact("screen language", ("Chinese", "中文") if shot["zh"] else ("English", "英文")), fact("screen app", ("Whaledeck", "Whaledeck")),
        fact("describe", (f"the {en} page of Whaledeck", f"Whaledeck 的{zh}页面")),
    ]


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


#: What a picture of a kind is called.
KINDS = {"shapes": ("a picture of shapes", "图形"), "print": ("a picture of text", "文字"), "screens": ("a window of Whaledeck", "Whaledeck 的窗口")}
#: What is answered to a question about what the picture does not have.
LACKS = {"print": ("I see no text in this picture.", "这张图里没有文字。"), "shapes": ("I see no shapes in this picture.", "这张图里没有图形。"),
         "charts": ("I see no chart in this picture.", "这张图里没有图表。")}
LACKING = {"print": ("read", "read number", "count lines"), "shapes": ("count all",), "charts": ("chart title", "highest bar", "lowest bar", "count bars")}
UNKNOWN = ("I cannot make out this picture. I know simple pictures only: shapes, charts, numbers, words and this app's windows.",
           "这张图我认不出来。我只认得简单的图：图形、图表、数字、文字和本应用的窗口。")


def scene(seed, grid):
    """(picture, facts, kind) of one seed."""
    rng = random.Random(seed)
    kind = rng.choices([n for n, _ in SHARES], [s for _, s in SHARES])[0]
    size = a_size(rng, grid)
    if kind == "screens":
        image, facts = screens_scene(rng, size, seed >= HELD_OUT)
    elif kind == "unknown":
        image, facts = unknown.scene(rng, size), []
        for task in ("describe", "describe", "kind", "count all", "read", "highest bar"):
            slots = ({}, {})
            facts.append({"task": "unknown picture", "as": task, "slots": slots, "a": UNKNOWN})
        return image, facts, kind
    elif kind == "charts":
        image, facts, name = charts.scene(rng, size)
    else:
        image, facts = (print_scenes if kind == "print" else shape_scenes).scene(rng, size)
    facts.append(dict(task="kind", slots=({}, {}), a=name if kind == "charts" else KINDS[kind]))
    lacks = rng.choice([k for k in LACKS if k != kind and not (kind == "screens" and k != "charts") and not (kind == "charts" and k != "shapes")])
    if kind != "charts":
        facts.append({"task": "lacks", "as": rng.choice(LACKING[lacks]), "slots": ({}, {}), "a": LACKS[lacks]})
    return image, facts, kind


def example(seed, grid, most=6):
    """(picture, turns): each turn has task, lang, q and a; boxes are in the answer, as the model writes them."""
    image, facts, kind = scene(seed, grid)
    rng = random.Random(seed ^ 0x71)
    lang = rng.choice(("en", "zh"))
    kept = facts if len(facts) <= most else rng.sample(facts, most)
    turns = [phrases.roughened(rng, phrases.asked(rng, fact, lang if rng.random() < 0.8 else rng.choice(("en", "zh")))) for fact in kept]
    if rng.random() < 0.12:
        turns[-1] = general_turn(rng, lang, True)
    rng.shuffle(turns)
    return image, turns


def unseen(seed):
    """A turn about nothing: what is said when no picture is shown."""
    rng = random.Random(seed)
    return general_turn(rng, rng.choice(("en", "zh")), False)


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
