"""Measures a trained state on pictures and questions that it was never taught, with the answers that it gave before as the chat's history.

    python evaluate.py STATE.pt TOKENIZER.json OUT.json [--pictures 500] [--chats 300] [--set heldout] [--device cuda]

Three measures: every question of `pictures` pictures, greedily, each a chat of its own; the sixth question of `chats` chats,
greedily and at temperature 0.8, in a phrasing of heldout.py (or dev.py); the strange questions there, each as a sixth question.
A box is right when it overlaps the true one by at least half (intersection over union), one for one in a list; any other
answer when it is the expected text, large and small letters told apart. An answer's language is looked at where the expected
answer has one: a number or a printed word has none.
"""
import argparse
import importlib
import json
import pathlib
import random
import re

import torch

import chats
import draw
import export
import general
import phrases
import talk
from model import Vision2, order

MOST = 96
SIXTH = 6


def boxes(text):
    found = re.search(r"^<\|ref\|>(.*)<\|/ref\|><\|det\|>(\[\[.*\]\])<\|/det\|>$", text, re.S)
    if not found:
        return None
    try:
        areas = json.loads(found[2])
    except ValueError:
        return None
    return (found[1], areas) if all(isinstance(a, list) and len(a) == 4 for a in areas) else None


def overlap(a, b):
    w, h = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    both = max(0, w) * max(0, h)
    area = lambda r: max(0, r[2] - r[0]) * max(0, r[3] - r[1])
    return both / max(1e-9, area(a) + area(b) - both)


def is_right(expected, answer):
    wanted = boxes(expected)
    if wanted is None:
        return answer == expected
    got = boxes(answer)
    return bool(got) and got[0] == wanted[0] and len(got[1]) == len(wanted[1]) and all(
        overlap(a, b) >= 0.5 for a, b in zip(got[1], wanted[1]))


def has_chinese(text):
    return any("一" <= c <= "龥" for c in text)


def language_right(turn, answer):
    """None where the right answer is in no language: numbers, printed words, names."""
    plain = lambda text: re.sub(r"“.*?”|<\|ref\|>.*?<\|/ref\|>", "", text)
    neutral = ("read", "bar value", "highest bar", "lowest bar", "chart title", "box", "screen app", "count", "how many")
    if turn["task"].startswith(neutral):
        return None
    return has_chinese(plain(answer)) == (turn["lang"] == "zh")


class Reader:
    def __init__(self, state, tok, device):
        self.net = Vision2().to(device).eval()
        self.net.load_state_dict(export.stored(state))
        self.tok, self.talker, self.device = tok, talk.Talker(tok), device
        self.draws = torch.Generator(device=device).manual_seed(5)

    @torch.no_grad()
    def rows(self, picture):
        index = torch.tensor(order(picture.grid), device=self.device)
        return self.net.see(torch.tensor(picture.tiles).to(self.device)[None], index)[0]

    @torch.no_grad()
    def go_on(self, prompts, rows, temperature):
        """Continuations of prompts; right padding cannot be seen by what stands left of it. `rows` has every picture's of each."""
        wide = max([len(r) for r in rows] + [1])
        seen = torch.zeros(len(rows), wide, talk.TEXT["hidden_size"], device=self.device)
        for one, mine in zip(seen, rows):
            one[: len(mine)] = mine
        made, open_ones = [list(p) for p in prompts], list(range(len(prompts)))
        for _ in range(MOST):
            longest = max(len(made[i]) for i in open_ones)
            ids = torch.tensor([made[i] + [talk.PAD] * (longest - len(made[i])) for i in open_ones], device=self.device)
            x, _ = self.net.read(ids, seen[torch.tensor(open_ones, device=self.device)], talk.IMAGE)
            last = torch.tensor([len(made[i]) - 1 for i in open_ones], device=self.device)
            logits = self.net.head(x[torch.arange(len(open_ones), device=self.device), last]) * export.HEAD
            if temperature:
                tokens = torch.multinomial((logits / temperature).softmax(-1), 1, generator=self.draws)[:, 0]
            else:
                tokens = logits.argmax(-1)
            for i, token in zip(open_ones, tokens.tolist()):
                made[i].append(token)
            open_ones = [i for i in open_ones if made[i][-1] != talk.EOS]
            if not open_ones:
                break
        return [m[len(p):] for m, p in zip(made, prompts)]

    def text(self, tokens):
        return self.tok.decode([t for t in tokens if t != talk.EOS], skip_special_tokens=False)

    def answers(self, chats_, temperature, together=150):
        """For each chat (pictures, turns) the answer to its last turn; the earlier answers are the model's own."""
        out = []
        for at in range(0, len(chats_), together):
            batch = chats_[at:at + together]
            seen = [[self.rows(p) for p in pictures] for pictures, _ in batch]
            ids, shown, last = [[talk.BOS] for _ in batch], [[] for _ in batch], [""] * len(batch)
            for number in range(max(len(turns) for _, turns in batch)):
                now = [i for i, (_, turns) in enumerate(batch) if number < len(turns)]
                for i in now:
                    pictures, turns = batch[i]
                    comes = turns[number].get("shows", [])
                    ids[i] += self.talker.said(turns[number], [pictures[j].grid for j in comes])
                    shown[i] += [seen[i][j] for j in comes]
                none = torch.zeros(0, talk.TEXT["hidden_size"], device=self.device)
                made = self.go_on([ids[i] for i in now], [torch.cat(shown[i]) if shown[i] else none for i in now], temperature)
                for i, tokens in zip(now, made):
                    ids[i] += tokens if tokens[-1] == talk.EOS else tokens + [talk.EOS]
                    last[i] = self.text(tokens)
            out += last
        return out


def single(count):
    """Every question of `count` pictures, each a chat of its own."""
    out = []
    for at in range(count):
        image, turns = draw.example(draw.HELD_OUT + at, draw.GRIDS[0] if at % 2 else draw.GRIDS[at // 2 % len(draw.GRIDS)])
        tiles, grid = talk.tiles(image)
        picture = chats.Picture(tiles, grid, [], "")
        out += [([picture], [dict(turn, shows=[0])]) for turn in turns]
    return out


def pictures_of(rng, first):
    """Nought to three pictures from held-out seeds, those of three or more of one tile each as the app cuts them."""
    count = rng.choices((0, 1, 2, 3), (0.08, 0.36, 0.32, 0.24))[0]
    grids = [(1, 1) if count > 2 or rng.random() < 0.6 else rng.choice(draw.GRIDS) for _ in range(count)]
    return [talk.drawn((draw.HELD_OUT + first) // 32 + rng.randrange(10_000_000), grid) for grid in grids]


def sixth(rng, bank, pictures, strange=None):
    """A chat of six turns whose last is in the bank's words, or `strange`."""
    turns = chats.chat(rng, pictures, SIXTH)
    # No picture comes with the last question: those that would come a turn before.
    late, turns[-1]["shows"] = turns[-1]["shows"], []
    if late:
        turns[-2] = dict(chats.a_turn(rng, pictures, turns[-2]["lang"], True), shows=turns[-2]["shows"] + late)
    lang = rng.choice(("en", "zh"))
    zh = lang == "zh"
    if strange is not None:
        turns[-1] = dict(task="strange", lang=strange[0], q=strange[1], a=general.DONT_KNOW[strange[0] == "zh"], shows=[])
        return pictures, turns
    turn = None
    while turn is None:
        roll = rng.random()
        if not pictures or roll < 0.14:
            name = rng.choice(list(bank.GENERAL) + ([] if pictures else ["no picture"] * 3))
            if name == "no picture":
                turn = dict(task=name, q=rng.choice(bank.NO_PICTURE[zh]), a=general.NO_PICTURE[zh])
            else:
                turn = dict(task=name, q=rng.choice(bank.GENERAL[name][zh]), a=general.TALK[name][zh][1])
        elif roll < 0.26 and len(pictures) > 1:
            which = rng.randrange(len(pictures) - 1)
            turn = chats.fact_turn(rng, pictures[which], lang, bank.ASK, rough=False)
            turn = turn and dict(chats.about_earlier(rng, turn, which, len(pictures), bank.NTH), earlier=True)
        elif roll < 0.4:
            turn = chats.fact_turn(rng, pictures[-1], lang, bank.ASK, task="describe", rough=False)
        else:
            turn = chats.fact_turn(rng, pictures[-1], lang, bank.ASK, rough=False)
    turns[-1] = dict(turn, lang=lang, shows=[])
    return pictures, turns


def sets(name, count):
    """(sixth questions, strange ones) of a set."""
    bank, first = importlib.import_module(name), dict(heldout=500_000_000, dev=900_000_000)[name]
    rng = random.Random(first)
    asked = [sixth(rng, bank, pictures_of(rng, first)) for _ in range(count)]
    strange = [(lang, q) for lang, questions in zip(("en", "zh"), bank.STRANGE) for q in questions]
    return asked, [sixth(rng, bank, pictures_of(rng, first), one) for one in strange]


def judged(reader, chats_, temperature):
    out = []
    for (_, turns), answer in zip(chats_, reader.answers(chats_, temperature)):
        turn = turns[-1]
        right = is_right(turn["a"], answer) or turn["task"] == "strange" and answer in (general.DONT_KNOW[turn["lang"] == "zh"], draw.UNKNOWN[turn["lang"] == "zh"])
        out.append(dict(task=turn["task"], lang=turn["lang"], q=turn["q"], a=turn["a"], answer=answer, right=right, language=language_right(turn, answer),
                        broken="\ufffd" in answer, earlier=turn.get("earlier", False)))
    return out


def table(results, key):
    out = {}
    for r in results:
        right, total = out.get(key(r), (0, 0))
        out[key(r)] = (right + r["right"], total + 1)
    return dict(sorted(out.items()))


def summary(results):
    spoken = [r for r in results if r["language"] is not None]
    return dict(right=[sum(r["right"] for r in results), len(results)], language=[sum(r["language"] for r in spoken), len(spoken)],
                broken=sum(r["broken"] for r in results), by_language=table(results, lambda r: r["lang"]),
                of_earlier_picture=table([r for r in results if r["earlier"]], lambda r: "all"), task=table(results, lambda r: r["task"]))


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("state", type=pathlib.Path)
    ap.add_argument("tokenizer", type=pathlib.Path)
    ap.add_argument("out", type=pathlib.Path)
    ap.add_argument("--pictures", type=int, default=500)
    ap.add_argument("--chats", type=int, default=300)
    ap.add_argument("--set", action="append", default=[])
    ap.add_argument("--device", default="cuda")
    args = ap.parse_args()
    torch.backends.cuda.matmul.allow_tf32 = True
    state = torch.load(args.state, map_location="cpu")
    reader = Reader(state.get("net", state), talk.Tokenizer.from_file(str(args.tokenizer)), args.device)
    missed = lambda results: [{k: r[k] for k in ("task", "q", "a", "answer")} for r in results if not r["right"]]
    report = {}
    for name in args.set or ["heldout"]:
        asked, strange = sets(name, args.chats)
        for temperature in (0.0, 0.8, 1.0):
            results = judged(reader, asked, temperature)
            report[f"{name} sixth, temperature {temperature}"] = dict(summary(results), missed=missed(results))
            results = judged(reader, strange, temperature)
            report[f"{name} strange, temperature {temperature}"] = dict(summary(results), missed=missed(results))
        args.out.write_text(json.dumps(report, ensure_ascii=False) + "\n", "utf-8")
    results = judged(reader, single(args.pictures), 0.0)
    tiles = [f"{p[0].grid[0]}x{p[0].grid[1]}" for p, _ in single(args.pictures)]
    report["single"] = dict(summary(results), pictures=args.pictures, first_seed=draw.HELD_OUT, missed=missed(results),
                            tiles=table([dict(r, tiles=t) for r, t in zip(results, tiles)], lambda r: r["tiles"]))
    args.out.write_text(json.dumps(report, ensure_ascii=False) + "\n", "utf-8")
    for name, one in report.items():
        print(name, {k: v for k, v in one.items() if k in ("right", "language", "broken", "of_earlier_picture")}, flush=True)


if __name__ == "__main__":
    main()
