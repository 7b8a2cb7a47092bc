"""Trains the small vision model on one GPU.

    python train.py OUT [--seconds 1200 | --until 1260] [--total 1200] [--warm FOLDER] [--seed 11] [--workers 15]

Needs torch, numpy, pillow, tokenizers and safetensors, the fonts that scene.py names and the window pictures of draw.py.
Draws while it trains. Writes OUT/state.pt (float32 weights and the optimisers' state) every two minutes and at the end, and goes
on from there when it is there: `--seconds` is the time of this run, `--total` that of all. `--warm` begins with the weights of
an earlier checkpoint; layers and words that it lacks are added such that they change little. export.py makes the checkpoint.
"""
import argparse
import json
import math
import pathlib
import time

import torch
import torch.nn.functional as F

import talk
from drawers import Stores
from model import TEXT, Vision2, order_of
from warm import warm

#: Share of steps, and rows in one: about as much work in each.
STEPS = {"one": (0.27, 256), "two": (0.03, 128), "wide": (0.03, 84), "tall": (0.03, 84), "four": (0.045, 50),
         "six wide": (0.045, 36), "six tall": (0.025, 36), "none": (0.02, 256),
         "chat none": (0.05, 128), "chat one": (0.12, 100), "chat two": (0.1, 72), "chat three": (0.12, 56),
         "chat wide": (0.025, 56), "chat four": (0.025, 40), "chat six": (0.02, 28), "chat both": (0.025, 36), "chat last": (0.02, 48)}
PEAK, PEAK_MUON, DECAY, UNEVEN = 1.5e-3, 3.5e-3, 0.05, 0.005


class Muon:
    """Momentum made orthogonal, for matrices inside the network; matrices of one shape are done together."""

    def __init__(self, params, momentum=0.95):
        self.groups = {}
        for p in params:
            self.groups.setdefault(tuple(p.shape), []).append(p)
        self.state = {shape: [torch.zeros_like(p) for p in ps] for shape, ps in self.groups.items()}
        self.momentum = momentum

    @torch.no_grad()
    def step(self, rate):
        """`rate` is a tensor, so that a recorded step can be replayed at another."""
        for shape, ps in self.groups.items():
            grads, kept = [p.grad for p in ps], self.state[shape]
            torch._foreach_lerp_(kept, grads, 1 - self.momentum)
            x = torch.stack(torch._foreach_lerp(grads, kept, self.momentum)).reshape(-1, *shape[-2:])
            update = orthogonal(x).float() * (rate * (-0.2 * max(shape[-2:]) ** 0.5))
            torch._foreach_mul_(ps, 1 - rate * DECAY)
            torch._foreach_add_(ps, list(update.reshape(len(ps), *shape).unbind()))


def orthogonal(x, steps=5):
    a, b, c = 3.4445, -4.7750, 2.0315
    x = x.bfloat16()
    tall = x.shape[-2] > x.shape[-1]
    x = x.mT if tall else x
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        y = x @ x.mT
        x = a * x + (b * y + c * y @ y) @ x
    return x.mT if tall else x


def forward(net, name, shown, words, index):
    ids, segment, position, weight = words
    ids, position = ids.long(), position.long()
    rows = None
    if shown is not None:
        rows = net.see(shown, index)
    mask = None  # what a chat pads stands behind all that counts
    if not name.startswith("chat"):
        before = torch.ones(ids.shape[1], ids.shape[1], dtype=torch.bool, device=ids.device).tril()
        mask = (before & ((segment[:, None] == 0) | (segment[:, None] == segment[..., None])))[:, None]
    x, uneven = net.read(ids, rows, talk.IMAGE, position, mask)
    first = talk.places(talk.BUCKETS[name][:1]) if shown is not None and not name.startswith("chat") else 0
    return net.head(x[:, first:-1]), ids[:, first + 1:], weight[:, first + 1:].float(), uneven


def loss_of(logits, target, weight):
    each = F.cross_entropy(logits.flatten(0, 1).float(), target.flatten(), reduction="none")
    return (each * weight.flatten()).sum() / weight.sum().clamp(min=1)


class Step:
    """One kind of batch: forward, backward and update, recorded once and replayed: no time goes into launching kernels."""

    def __init__(self, name, rows, net, stores, optimisers, rates, sums, index):
        self.name, self.net, self.stores, self.index = name, net, stores, index
        self.adam, self.muon, self.others = optimisers
        self.rates, self.sums, self.graph = rates, sums, None
        self.grads = [p.grad for p in net.parameters()]
        self.pick = torch.zeros(rows, dtype=torch.long, device=stores.device)

    def choose(self):
        self.pick.random_(self.stores.ready(self.name))

    def body(self):
        torch._foreach_zero_(self.grads)
        shown, words = self.stores.at(self.name, self.pick)
        with torch.autocast(self.stores.device, torch.bfloat16, cache_enabled=False):
            logits, target, weight, uneven = forward(self.net, self.name, shown, words, self.index)
        loss = loss_of(logits, target, weight)
        (loss + UNEVEN * uneven).backward()
        self.sums += torch.stack((loss.detach(), uneven.detach() if torch.is_tensor(uneven) else loss.detach() * 0, torch.ones_like(loss)))
        torch.nn.utils.clip_grad_norm_(self.others, 1.0)
        self.adam.step()
        self.muon.step(self.rates[1])

    def record(self, pool):
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(2):
                self.choose()
                self.body()
        torch.cuda.current_stream().wait_stream(side)
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=pool, capture_error_mode="thread_local"):
            self.body()
        self.graph = graph

    def run(self):
        self.choose()
        if self.graph is None:
            self.body()
        else:
            self.graph.replay()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("out", type=pathlib.Path)
    ap.add_argument("--seconds", type=float, default=1200)
    ap.add_argument("--until", type=float, help="instead of --seconds: the seconds from the start of the program, what comes before training included")
    ap.add_argument("--total", type=float, help="seconds of training in all runs; else this one's")
    ap.add_argument("--warm", type=pathlib.Path)
    ap.add_argument("--seed", type=int, default=11)
    ap.add_argument("--workers", type=int, default=15)
    ap.add_argument("--small", type=float, default=1.0, help="share of the batch and of the stores, to try it out")
    ap.add_argument("--batch", type=float, default=1.0, help="share of the rows of STEPS in a step")
    ap.add_argument("--device", default="cuda")
    ap.add_argument("--tokenizer", type=pathlib.Path)
    args = ap.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    began = time.time()
    torch.manual_seed(args.seed)
    torch.backends.cuda.matmul.allow_tf32 = True
    on_gpu = args.device == "cuda"
    tokenizer = args.tokenizer or args.out / "tokenizer.json"
    if not tokenizer.exists():
        raise SystemExit(f"no {tokenizer}: python talk.py {tokenizer} makes it")
    stores = Stores(args.device, args.workers, args.seed, str(tokenizer), args.small)
    net = Vision2()
    if args.warm:
        warm(net, args.warm, talk.Tokenizer.from_file(str(tokenizer)))
    net = net.to(args.device)
    for p in net.parameters():
        p.grad = torch.zeros_like(p)
    outer = ("embed_tokens", "lm_head", "pos_embed", "patch_embed", "mlp.gate.weight", "image_newline", "view_seperator")
    inner = [p for n, p in net.named_parameters() if p.dim() > 1 and not any(o in n for o in outer)]
    others = [p for n, p in net.named_parameters() if not any(p is i for i in inner)]
    rates = [torch.zeros((), device=args.device) for _ in range(2)]
    muon = Muon(inner)
    adam = torch.optim.AdamW(others, lr=rates[0], betas=(0.9, 0.95), weight_decay=0.01, fused=on_gpu, capturable=on_gpu, foreach=False)
    names, shares = list(STEPS), torch.tensor([s for s, _ in STEPS.values()])
    sums = {n: torch.zeros(3, device=args.device) for n in names}
    steps = {}
    for name, (_, rows) in STEPS.items():
        index = torch.tensor(order_of(talk.BUCKETS[name]), device=args.device) if talk.BUCKETS[name] else None
        steps[name] = Step(name, max(2, int(rows * args.small * args.batch)), net, stores, (adam, muon, others), rates, sums[name], index)
    print(f"{sum(p.numel() for p in net.parameters()) / 1e6:.3f} M parameters, {time.time() - began:.0f} s", flush=True)
    while any(stores.ready(n) < min(2 * len(steps[n].pick), 64) for n in names):
        time.sleep(0.2)
    if on_gpu:
        pool = torch.cuda.graph_pool_handle()
        with stores.still:
            torch.cuda.synchronize()
            for one in steps.values():
                one.record(pool)
            print(f"recorded, {time.time() - began:.0f} s", flush=True)
    step, seen, drawn, before = 0, 0, 0, 0.0
    if (args.out / "state.pt").exists():  # after the recording, whose first steps change the weights
        kept = torch.load(args.out / "state.pt", map_location=args.device)
        with torch.no_grad():
            net.load_state_dict(kept["net"])
            for shape, ones in kept["muon"].items():
                torch._foreach_copy_(muon.state[shape], ones)
            for p, one in zip(others, kept["adam"]):
                for key, value in one.items():
                    if key in adam.state[p]:
                        adam.state[p][key].copy_(value)
                    else:
                        adam.state[p][key] = value
        step, seen, drawn, before = kept["step"], kept["seen"], kept["drawn"], kept["seconds"]
        print(f"goes on at step {step}, {before:.0f} s", flush=True)
    if args.until:
        args.seconds = args.until - (time.time() - began)
    total = args.total or before + args.seconds
    trained, done, saved = time.time(), 0.0, time.time()
    ends = min(total, before + args.seconds)
    said = time.time()
    pick = torch.Generator().manual_seed(args.seed)
    spent = before
    while spent < ends:
        spent = before + time.time() - trained
        done = min(1.0, spent / total)
        turn = min(1, (step + 1) / 200) * (0.01 + 0.99 * (1 if done < 0.3 else max(0.0, (1 - done) / 0.7)))
        rates[0].fill_(PEAK * turn)
        rates[1].fill_(PEAK_MUON * turn)
        name = names[torch.multinomial(shares, 1, generator=pick).item()]
        steps[name].run()
        step, seen = step + 1, seen + len(steps[name].pick)
        if step % 20 == 0 and on_gpu:  # no more than a few steps ahead of the GPU
            torch.cuda.synchronize()
        if time.time() - said > 20 or spent >= ends:
            said = time.time()
            means = {n: [round(v, 3) for v in (t[:2] / t[2].clamp(min=1)).tolist()] for n, t in sums.items()}
            print(f"step {step} {spent:.0f} s rows {seen} drawn {drawn + stores.total} {means}", flush=True)
            for t in sums.values():
                t.zero_()
            if not all(math.isfinite(v) for pair in means.values() for v in pair):
                raise SystemExit("the loss is no number")
        if time.time() - saved > 120 or spent >= ends:
            saved = time.time()
            adams = [dict(adam.state[p]) for p in others]
            torch.save(dict(net=net.state_dict(), muon=muon.state, adam=adams, step=step, seen=seen, drawn=drawn + stores.total, seconds=spent), args.out / "state.new")
            (args.out / "state.new").rename(args.out / "state.pt")
            told = dict(seed=args.seed, steps=step, rows=seen, drawn=drawn + stores.total, seconds=round(spent), done=round(done, 3))
            (args.out / "trained.json").write_text(json.dumps(told))
    stores.close()


if __name__ == "__main__":
    main()
