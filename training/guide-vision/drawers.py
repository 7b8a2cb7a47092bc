"""Processes that draw training rows without end, and the stores on the GPU that they fill; old rows give way to new."""
import queue
import random
import threading

import numpy as np
import torch
import torch.multiprocessing as mp

import talk

#: Rows in a store, rows sent together, and the share of the rows drawn.
STORES = {
    "one": (40000, 48, 0.44), "two": (4000, 24, 0.05), "wide": (3000, 16, 0.04), "tall": (3000, 16, 0.04),
    "four": (4000, 12, 0.05), "six wide": (2500, 8, 0.05), "six tall": (2000, 8, 0.03), "none": (8000, 48, 0.02),
    "chat none": (12000, 48, 0.03), "chat one": (12000, 24, 0.09), "chat two": (8000, 16, 0.06), "chat three": (8000, 12, 0.06),
    "chat wide": (3000, 12, 0.02), "chat four": (3000, 8, 0.02), "chat six": (2000, 6, 0.015), "chat both": (2500, 6, 0.015), "chat last": (2500, 8, 0.015),
}


def work(number, seed, tokenizer, out, share):
    torch.set_num_threads(1)
    talker = talk.Talker(talk.Tokenizer.from_file(tokenizer))
    rng = np.random.default_rng((seed, number))
    album = talk.Album(random.Random(int(rng.integers(0, 1 << 62))))
    names = list(STORES)
    shares = np.array([STORES[n][2] / STORES[n][1] for n in names])  # of what is sent together
    while True:
        name = names[rng.choice(len(names), p=shares / shares.sum())]
        if name.startswith("chat"):
            rows = [album.row(talker, name) for _ in range(STORES[name][1])]
        else:
            rows = [talk.example_row(talker, name, int(rng.integers(0, talk.draw.HELD_OUT // 64))) for _ in range(STORES[name][1])]
        shown = None if rows[0][0] is None else torch.from_numpy(np.stack([r[0] for r in rows]))
        words = [torch.from_numpy(np.stack([r[1][i] for r in rows])) for i in range(4)]
        out.put((name, shown, words))


class Stores:
    def __init__(self, device, workers, seed, tokenizer, scale=1.0):
        self.device, self.kept, self.count, self.total = device, {}, {}, 0
        for name, (rows, _, _) in STORES.items():
            rows = max(64, int(rows * scale))
            length = talk.width(name)
            pictures = sum(1 if g == (1, 1) else 1 + g[0] * g[1] for g in talk.BUCKETS[name])
            new = lambda *shape, dtype: torch.zeros(shape, dtype=dtype, device=device)
            self.kept[name] = [
                new(rows, pictures, talk.SIDE, talk.SIDE, 3, dtype=torch.uint8) if pictures else None,
                [new(rows, length, dtype=torch.int16), new(rows, length, dtype=torch.uint8),
                 new(rows, length, dtype=torch.int16), new(rows, length, dtype=torch.float16)]]
            self.count[name] = 0
        context = mp.get_context("spawn")
        self.queue = context.Queue(maxsize=2 * workers)
        self.processes = [context.Process(target=work, args=(i, seed, tokenizer, self.queue, 1.0), daemon=True) for i in range(workers)]
        for process in self.processes:
            process.start()
        self.open, self.still = True, threading.Lock()
        self.thread = threading.Thread(target=self.fill, daemon=True)
        self.thread.start()

    def fill(self):
        if self.device == "cuda":  # beside the training, which never waits for a copy
            torch.cuda.set_stream(torch.cuda.Stream())
        while self.open:
            try:
                name, shown, words = self.queue.get(timeout=1)
            except queue.Empty:
                continue
            except OSError:  # its drawer ended with the training
                return
            with self.still:
                self.put(name, shown, words)

    def put(self, name, shown, words):
        kept, many = self.kept[name], len(words[0])
        size = len(kept[1][0])
        at = self.count[name] % (size - size % many if size >= many else size)
        to = slice(at, min(at + many, size))
        n = to.stop - to.start
        if shown is not None:
            kept[0][to].copy_(shown[:n])
        for mine, theirs in zip(kept[1], words):
            mine[to].copy_(theirs[:n])
        self.count[name] += n
        self.total += n

    def ready(self, name):
        return min(self.count[name], len(self.kept[name][1][0]))

    def at(self, name, pick):
        shown, words = self.kept[name]
        return None if shown is None else shown[pick], [w[pick] for w in words]

    def close(self):
        self.open = False
        for process in self.processes:
            process.terminate()
