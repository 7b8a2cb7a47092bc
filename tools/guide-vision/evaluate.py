"""Measures a trained state on pictures that it was never taught, greedily, as the app asks: one question, one picture.

    python evaluate.py STATE.pt TOKENIZER.json OUT.json [--pictures 1500] [--device cuda]

A box is right when it overlaps the true one by at least half (intersection over union), one for one in a list; any other
answer when it is the expected text, large and small letters told apart.
"""
import argparse
import collections
import json
import pathlib
import re

import torch

import draw
import export
import talk
from model import Vision2, order

MOST = 90


def pictures(count):
    """(tiles, grid, turns) from the held-out seeds, grids in turn; every question of a picture once."""
    for at in range(count):
        image, turns = draw.example(draw.HELD_OUT + at, draw.GRIDS[0] if at % 2 else draw.GRIDS[at // 2 % len(draw.GRIDS)])
        tiles, grid = talk.tiles(image)
        yield tiles, grid, turns


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


@torch.no_grad()
def greedy(net, prompts, rows, device):
    """Continuations of prompts over one grid: right padding cannot be seen by what stands left of it."""
    made = [list(p) for p in prompts]
    ended = [False] * len(made)
    for _ in range(MOST):
        wide = max(map(len, made))
        ids = torch.tensor([m + [talk.PAD] * (wide - len(m)) for m in made], device=device)
        x, _ = net.read(ids, rows, talk.IMAGE)
        last = torch.tensor([len(m) - 1 for m in made], device=device)
        for i, token in enumerate(net.head(x[torch.arange(len(made), device=device), last]).argmax(-1).tolist()):
            if not ended[i]:
                made[i].append(token)
                ended[i] = token == talk.EOS
        if all(ended):
            break
    return [m[len(p):] for m, p in zip(made, prompts)]


def text(tok, tokens):
    return tok.decode([t for t in tokens if t != talk.EOS], skip_special_tokens=False)


@torch.no_grad()
def measure(state, tok, count, device, together=48):
    net = Vision2().to(device).eval()
    net.load_state_dict(export.stored(state))
    talker, waiting, results = talk.Talker(tok), collections.defaultdict(list), []

    def flush(grid):
        batch = waiting.pop(grid, [])
        if not batch:
            return
        seen = torch.stack([torch.tensor(tiles) for tiles, _ in batch]).to(device)
        index = torch.tensor(order(grid), device=device)
        per = torch.cat([net.see(one[None], index) for one in seen])
        each = [(i, t) for i, (_, turns) in enumerate(batch) for t in turns]
        rows = per[torch.tensor([i for i, _ in each], device=device)]
        answers = greedy(net, [talker.prompt(t["q"], grid) for _, t in each], rows, device)
        for (_, turn), answer in zip(each, answers):
            said = text(tok, answer)
            results.append(dict(turn, grid=list(grid), answer=said, right=is_right(turn["a"], said)))

    for tiles, grid, turns in pictures(count):
        waiting[grid].append((tiles, turns))
        if len(waiting[grid]) >= together:
            flush(grid)
    for grid in list(waiting):
        flush(grid)
    return results


def table(results, key):
    out = {}
    for r in results:
        right, total = out.get(key(r), (0, 0))
        out[key(r)] = (right + r["right"], total + 1)
    return dict(sorted(out.items()))


def report(results):
    share = lambda pair: f"{pair[0]} of {pair[1]} ({100 * pair[0] / pair[1]:.1f} %)"
    tables = dict(all=table(results, lambda r: "all"), language=table(results, lambda r: r["lang"]),
                  tiles=table(results, lambda r: "x".join(map(str, r["grid"]))), task=table(results, lambda r: r["task"]))
    for name, rows in tables.items():
        print(name, {k: share(v) for k, v in rows.items()}, flush=True)
    return tables


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("state", type=pathlib.Path)
    ap.add_argument("tokenizer", type=pathlib.Path)
    ap.add_argument("out", type=pathlib.Path)
    ap.add_argument("--pictures", type=int, default=1500)
    ap.add_argument("--device", default="cuda")
    args = ap.parse_args()
    state = torch.load(args.state, map_location="cpu")
    results = measure(state, talk.Tokenizer.from_file(str(args.tokenizer)), args.pictures, args.device)
    tables = report(results)
    missed = [dict(task=r["task"], q=r["q"], expected=r["a"], answer=r["answer"]) for r in results if not r["right"]]
    args.out.write_text(json.dumps(dict(pictures=args.pictures, first_seed=draw.HELD_OUT, **tables, missed=missed), ensure_ascii=False, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
