"""From pictures and turns to what the network reads: tiles as the published processor cuts them, tokens as it encodes them."""
import random
import sys

import numpy as np
from PIL import Image, ImageOps
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

import chats
import draw
from model import FRAMES, SIDE, TEXT, order

NAMES = ["<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜▁pad▁｜>", "<image>", "<|ref|>", "<|/ref|>", "<|det|>", "<|/det|>",
         "<|grounding|>", "<|User|>", "<|Assistant|>"]
BOS, EOS, PAD, IMAGE = range(4)
#: Places for the words of one row in training.
WORDS = 160
#: Rows of a batch: grid of each picture, places of the pictures, and words.
BUCKETS = {
    "one": [(1, 1)], "two": [(1, 1), (1, 1)], "wide": [(2, 1)], "tall": [(1, 2)], "four": [(2, 2)],
    "six wide": [(3, 2)], "six tall": [(2, 3)], "none": [],
    "chat none": [], "chat one": [(1, 1)], "chat two": [(1, 1)] * 2, "chat three": [(1, 1)] * 3, "chat wide": [(2, 1)],
    "chat four": [(2, 2)], "chat six": [(3, 2)], "chat both": [(2, 2), (1, 1)], "chat last": [(1, 1), (2, 1)],
}
#: Places for the words of a chat in training; a chat that has more ends earlier.
CHAT_WORDS = 440
APART = 254  # in `segment`, of padding


def make_tokenizer(pictures=4000):
    """A byte-level BPE whose digits and whose runs of Chinese stand alone."""
    texts = []
    for seed in range(pictures):
        for turn in draw.example(seed, draw.GRIDS[seed % 6])[1] + [draw.unseen(seed), draw.unseen(seed + pictures)]:
            texts += [turn["q"], turn["a"]]
    tok = Tokenizer(models.BPE(byte_fallback=False))
    tok.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(r"\p{N}"), "isolated"), pre_tokenizers.Split(Regex("[一-龥]+"), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    tok.decoder = decoders.ByteLevel()
    special = [AddedToken(name, normalized=False, special=True) for name in NAMES]
    tok.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=TEXT["vocab_size"], special_tokens=special, max_token_length=16, show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    return tok


def best(size):
    """The frame in which most of the picture's pixels survive, and of those the one with least empty."""
    found, most, least = None, 0, float("inf")
    for w, h in FRAMES:
        scale = min(w / size[0], h / size[1])
        effective = min(int(size[0] * scale) * int(size[1] * scale), size[0] * size[1])
        if effective > most or (effective == most and w * h - effective < least):
            found, most, least = (w, h), effective, w * h - effective
    return found[0] // SIDE, found[1] // SIDE


def tiles(image):
    """uint8 [n, side, side, 3] and the grid: the whole and its tiles; of one tile, that tile alone, for it is both."""
    grid = best(image.size)
    whole = np.asarray(ImageOps.pad(image, (SIDE, SIDE), color=(127, 127, 127)))
    if grid == (1, 1):
        return whole[None], grid
    w, h = grid
    local = np.asarray(ImageOps.pad(image, (w * SIDE, h * SIDE), color=(127, 127, 127)))
    cut = local.reshape(h, SIDE, w, SIDE, 3).swapaxes(1, 2).reshape(h * w, SIDE, SIDE, 3)
    return np.concatenate((whole[None], cut)), grid


def places(grids):
    return sum(len(order(grid)) for grid in grids)


class Talker:
    def __init__(self, tok):
        self.tok = tok
        self.user = self.ids("<|User|>: ")

    def ids(self, text):
        return self.tok.encode(text, add_special_tokens=False).ids

    def asked(self, question, shown):
        """A user's words behind a picture, or without one, and the mark that calls for the answer."""
        question = question.strip()
        return self.ids(f"\n{question}\n\n<|Assistant|>:" if shown else f"<|User|>: {question}\n\n<|Assistant|>:")

    def said(self, turn, grids):
        """A turn of a chat as tokens up to its answer; `grids` are of the pictures that come with it."""
        out = list(self.user) if grids else []
        for at, grid in enumerate(grids):
            out += [IMAGE] * places([grid]) + (self.ids("\n") if at + 1 < len(grids) else [])
        q = turn["q"].strip()
        if grids and not q:
            return out + self.ids("\n\n<|Assistant|>:")
        return out + self.asked(q, bool(grids))

    def chat_row(self, bucket, turns):
        """ids, segment, position, weight of a chat; the last turns are left away where there is no room for them."""
        grids, length = BUCKETS[bucket], width(bucket)
        ids, weight, shown = [BOS], [0.0], 0
        for turn in turns:
            q = self.said(turn, [grids[i] for i in turn["shows"]])
            a = self.ids(turn["a"]) + [EOS]
            shown += len(turn["shows"])
            if len(ids) + len(q) + len(a) > length - places(grids[shown:]):
                break
            ids += q + a
            weight += [0.0] * len(q) + [len(a) ** -0.5] * len(a)
        pad = length - len(ids)
        return (np.int16(ids + [PAD] * pad), np.uint8([0] * len(ids) + [APART] * pad),
                np.int16(list(range(len(ids))) + [0] * pad), np.float16(weight + [0.0] * pad))

    def prompt(self, question, grid=None):
        """Of a chat of one turn."""
        if grid is None:
            return [BOS] + self.asked(question, False)
        return [BOS] + self.user + [IMAGE] * places([grid]) + self.asked(question, True)

    def row(self, bucket, turns_of, chained):
        """ids, segment, position, weight of one training row. Segments see what stands before them in segment 0 and in
        their own: as many first turns about one picture, unless `chained`, which makes them turns of one chat."""
        grids = BUCKETS[bucket]
        length = width(bucket)
        ids, segment, position, weight = [BOS], [0], [0], [0.0]

        def add(tokens, of, at, worth=0.0):
            for i, token in enumerate(tokens):
                ids.append(token)
                segment.append(of)
                position.append(at + i)
                weight.append(worth)

        for shown, turns in enumerate(turns_of):
            opened = bool(grids)
            if opened:
                add(self.user + [IMAGE] * places([grids[shown]]), 0, position[-1] + 1)
            start = position[-1] + 1
            for number, turn in enumerate(turns):
                q = self.asked(turn["q"], opened and (number == 0 or not chained))
                a = self.ids(turn["a"]) + [EOS]
                if len(ids) + len(q) + len(a) > length - (places(grids[shown + 1:]) + 4 if grids else 0):
                    continue
                of = 0 if chained else number + 1
                at = position[-1] + 1 if chained else start
                add(q, of, at)
                add(a, of, at + len(q), len(a) ** -0.5)
        pad = length - len(ids)
        return (np.int16(ids + [PAD] * pad), np.uint8(segment + [APART] * pad), np.int16(position + [0] * pad),
                np.float16(weight + [0.0] * pad))


def width(bucket):
    """Tokens of a training row."""
    grids = BUCKETS[bucket]
    return -(-(places(grids) + (CHAT_WORDS if bucket.startswith("chat") else WORDS)) // 8) * 8


def drawn(seed, grid):
    """A picture of that grid: tiles, facts, kind."""
    for more in range(20):
        image, facts, kind = draw.scene(seed * 32 + more, grid)
        cut, made = tiles(image)
        if made == grid and facts:
            return chats.Picture(cut, grid, facts, kind)
    raise ValueError(f"no picture of {grid} came out")


def example_row(talker, bucket, seed):
    """Everything that one training row needs, from its seed: tiles [n, side, side, 3] or None, and the row's arrays."""
    rng = random.Random(seed ^ 0x5EED)
    grids = BUCKETS[bucket]
    if not grids:
        return None, talker.row(bucket, [[draw.unseen(seed + i) for i in range(6)]], False)
    shown, turns_of = [], []
    for at, grid in enumerate(grids):
        for more in range(20):
            image, turns = draw.example(seed * 64 + at * 20 + more, grid, most=6 if len(grids) == 1 else 3)
            cut, made = tiles(image)
            if made == grid:
                break
        else:
            raise ValueError(f"no picture of {grid} came out")
        shown.append(cut)
        turns_of.append(turns)
    return np.concatenate(shown), talker.row(bucket, turns_of, chained=len(grids) > 1 or rng.random() < 0.3)


class Album:
    """Pictures drawn lately, each of which is shown in several chats: drawing takes longer than talking."""

    def __init__(self, rng, kept=48, fresh=0.35):
        self.rng, self.kept, self.fresh, self.pictures = rng, kept, fresh, {}

    def take(self, grid):
        kept = self.pictures.setdefault(grid, [])
        if len(kept) < self.kept or self.rng.random() < self.fresh:
            picture = drawn(self.rng.randrange(draw.HELD_OUT // 64), grid)
            if len(kept) < self.kept:
                kept.append(picture)
            else:
                kept[self.rng.randrange(len(kept))] = picture
            return picture
        return self.rng.choice(kept)

    def row(self, talker, bucket):
        pictures = [self.take(grid) for grid in BUCKETS[bucket]]
        turns = chats.chat(self.rng, pictures) if pictures else [chats.a_turn(self.rng, [], lang, False) for lang in self.languages()]
        shown = np.concatenate([p.tiles for p in pictures]) if pictures else None
        return shown, talker.chat_row(bucket, [dict(t, shows=t.get("shows", [])) for t in turns])

    def languages(self):
        lang, out = self.rng.choice(("en", "zh")), []
        for _ in range(chats.TURNS):
            out.append(lang)
            lang = chats.other(lang) if self.rng.random() < 0.35 else lang
        return out


if __name__ == "__main__":
    make_tokenizer().save(sys.argv[1])
