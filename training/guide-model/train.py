"""Trains the Guide on one GPU and writes the checkpoint, its model card and what was measured.

    python train.py OUT [--seconds 1000] [--seed 7]

`--seconds` is how long this call takes until it measures. Training in two calls: the first with `--state FILE --until 0.5`,
the second with the same FILE. `--base FOLDER --peak 1e-3 --seconds 400` goes on from a stored Guide, with its tokenizer: enough
when answers change and questions do not.
"""
import argparse
import math
import multiprocessing
import os
import pathlib
import random
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"

import numpy
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

import corpus
import evaluate
import export
from dialogues import AGAIN, EOS, LENGTH, SYSTEMS, Talks
from model import CONFIG, ROUND_TO_FP8, Guide

SPECIAL = ["<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜▁pad▁｜>", "<｜User｜>", "<｜Assistant｜>", "<think>", "</think>"]
KEPT, CHUNK = 24000, 64
PEAK, BALANCE, QUESTION_LOSS, DRAFT_LOSS = 2.5e-3, 1e-3, 0.03, 0.3
NOISE = 0.06   # share of question tokens replaced by random ones, so that no single word decides
MARGIN = 2.0   # a right token must lead by this much more, so that heat and penalties do not change the answer


def make_tokenizer(rng):
    texts = list(SYSTEMS) + AGAIN["en"] + AGAIN["zh"]
    for name, fact in corpus.facts().items():
        for lang in ("en", "zh"):
            fact["weights"] = {k: [w for _, _, w in fact["ways"][k]] for k in ("en", "zh")}
            texts += [fact[lang]] * 25 + [c for c in fact[lang] if corpus.CHINESE.match(c)] * 250  # no answer is made of half letters
            texts += [corpus.widen(fact, name, rng, lang) for _ in range(2500 if name == "unknown" else 120)]
    tok = Tokenizer(models.BPE(byte_fallback=False))
    tok.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(r"\p{N}"), "isolated"), pre_tokenizers.Split(Regex("[一-龥]+"), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    tok.decoder = decoders.ByteLevel()
    tok.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=CONFIG["vocab_size"], special_tokens=SPECIAL, max_token_length=16, show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    return tok


def work(text, seed, queue):
    tok, loose = Tokenizer.from_str(text), Tokenizer.from_str(text)
    loose.model.dropout = 0.1
    talks = Talks(tok, loose, evaluate.kept_out(), seed)
    while True:
        ids, marks = talks.rows(CHUNK)
        queue.put((numpy.array(ids, dtype=numpy.int16), numpy.array(marks, dtype=numpy.uint8)))


class Stream:
    """Rows on the GPU, replaced one chunk after another by new ones while training goes on."""

    def __init__(self, queue, device, first):
        self.queue, self.at, self.filled, self.seen = queue, 0, 0, 0
        self.ids = torch.zeros((KEPT, LENGTH), dtype=torch.int16, device=device)
        self.marks = torch.zeros((KEPT, LENGTH), dtype=torch.uint8, device=device)
        while self.filled < first:
            self.take()

    def take(self):
        ids, marks = self.queue.get()
        part = slice(self.at, self.at + CHUNK)
        self.ids[part], self.marks[part] = torch.from_numpy(ids).to(self.ids.device), torch.from_numpy(marks).to(self.ids.device)
        self.at = (self.at + CHUNK) % (KEPT // CHUNK * CHUNK)
        self.filled, self.seen = min(max(self.filled, self.at), KEPT) if self.at else KEPT // CHUNK * CHUNK, self.seen + CHUNK

    def batch(self, rows):
        for _ in range(2):
            if not self.queue.empty():
                self.take()
        pick = torch.randint(self.filled, (rows,), device=self.ids.device)
        return self.ids[pick].long(), self.marks[pick].long()


def loss_of(logits, ids, weight, margin=None):
    flat, target = logits.flatten(0, 1).float(), ids.flatten()[:, None]
    if margin is not None:
        flat = flat.scatter_add(1, target, -margin.flatten()[:, None])
    each = torch.logsumexp(flat, -1) - flat.gather(1, target)[:, 0]
    return (each * weight.flatten()).sum() / weight.sum().clamp(min=1)


def losses(net, batch, marks, values):
    w = values[marks]
    with torch.autocast(batch.device.type, torch.bfloat16, enabled=batch.is_cuda):
        logits, ahead = net(batch, draft=True)
    main = loss_of(logits[:, :-1], batch[:, 1:], w[:, 1:], MARGIN * (marks[:, 1:] == 2).float())
    return main, main + DRAFT_LOSS * loss_of(ahead[:, :-1], batch[:, 2:], w[:, 2:])


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("out", type=pathlib.Path)
    ap.add_argument("--seconds", type=float, default=1000)
    ap.add_argument("--seed", type=int, default=7)
    ap.add_argument("--state", type=pathlib.Path)
    ap.add_argument("--base", type=pathlib.Path, help="a stored Guide to go on from")
    ap.add_argument("--peak", type=float, default=PEAK, help="highest learning rate")
    ap.add_argument("--until", type=float, default=1.0)
    ap.add_argument("--workers", type=int, default=10)
    ap.add_argument("--rows", type=int, default=32)
    ap.add_argument("--first", type=int, default=8 * CHUNK, help="rows to have before the first step")
    ap.add_argument("--device", default="cuda")
    ap.add_argument("--eager", action="store_true")
    ap.add_argument("--dev-only", action="store_true", help="leave the held-out questions unasked")
    args = ap.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    began, rng, device = time.time(), random.Random(args.seed), args.device
    torch.manual_seed(args.seed)
    torch.backends.cuda.matmul.allow_tf32 = True
    state = torch.load(args.state, map_location="cpu", weights_only=False) if args.state and args.state.exists() else None
    if state:
        tok = Tokenizer.from_str(state["tok"])
    else:
        tok = Tokenizer.from_file(str(args.base / "tokenizer.json")) if args.base else make_tokenizer(rng)
    text = tok.to_str()
    context = multiprocessing.get_context("fork")
    queue = context.Queue(maxsize=24)
    makers = [context.Process(target=work, args=(text, args.seed * 1000 + i + (500 if state else 0), queue), daemon=True) for i in range(args.workers)]
    for one in makers:
        one.start()
    net = Guide().to(device)
    if args.base and not state:
        export.put_back(net, load_file(args.base / "model.safetensors"))
    print(f"{len(corpus.facts())} facts, {sum(p.numel() for p in net.parameters()) / 1e6:.2f} M parameters, {time.time() - began:.0f} s", flush=True)
    flat = [p for p in net.parameters() if p.dim() < 2]
    opt = torch.optim.AdamW([{"params": [p for p in net.parameters() if p.dim() > 1], "weight_decay": 0.1},
                             {"params": flat, "weight_decay": 0.0}], lr=args.peak, betas=(0.9, 0.95), fused=device == "cuda")
    done, spent, step = 0.0, 0.0, 0
    if state:
        net.load_state_dict(state["net"])
        opt.load_state_dict(state["opt"])
        done, spent, step = state["done"], state["spent"], state["step"]
        print(f"goes on at step {step}, {done:.3f} done", flush=True)
    stream = Stream(queue, device, args.first)
    print(f"first rows after {time.time() - began:.0f} s", flush=True)
    values = torch.tensor([0.0, QUESTION_LOSS, 1.0], device=device)
    noisy = torch.tensor([i >= len(SPECIAL) and not any(c.isdigit() for c in tok.id_to_token(i)) for i in range(CONFIG["vocab_size"])], device=device)
    plain = lambda batch, marks: losses(net, batch, marks, values)
    quick = plain if args.eager else torch.compile(plain)
    ROUND_TO_FP8[0] = True  # training sees the weights as they will be stored
    first, base = time.time(), done
    while done < args.until:
        rate = args.peak * min(1, (step + 1) / 150) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(done, 1))))
        for g in opt.param_groups:
            g["lr"] = rate
        batch, marks = stream.batch(args.rows)
        noise = (marks == 1) & noisy[batch] & (torch.rand(batch.shape, device=device) < NOISE)
        batch = torch.where(noise, torch.randint(len(SPECIAL), CONFIG["vocab_size"], batch.shape, device=device), batch)
        try:
            main_loss, loss = quick(batch, marks)
        except Exception as error:
            if quick is plain:
                raise
            print(f"compilation failed, goes on without: {error!r}"[:2000], flush=True)
            quick = plain
            main_loss, loss = quick(batch, marks)
        opt.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        opt.step()
        with torch.no_grad():
            for moe in net.moes():  # balance without an auxiliary loss: only the bias that chooses moves
                moe.gate.e_score_correction_bias += BALANCE * min(1, rate / args.peak * 2) * torch.sign(moe.load.mean() - moe.load)
        if step % 250 == 0:
            worst = max((m.load.max() / m.load.mean()).item() for m in net.moes())
            print(f"step {step} done {done:.3f} loss {main_loss.item():.4f} both {loss.item():.4f} load {worst:.2f} rows {stream.seen} {time.time() - began:.0f} s", flush=True)
        if step % 2500 == 2499:
            net.eval()
            print(f"step {step}", evaluate.quick(net, tok, device), flush=True)
            net.train()
        step += 1
        done = base + (args.until - base) * (time.time() - first) / max(began + args.seconds - first, 1)
    spent += time.time() - first
    for one in makers:
        one.terminate()
    if args.until < 1:
        torch.save(dict(net=net.state_dict(), opt=opt.state_dict(), done=done, spent=spent, step=step, tok=text), args.state)
        print(f"kept at step {step} after {time.time() - began:.0f} s", flush=True)
        return
    ROUND_TO_FP8[0] = False
    tensors = export.write(args.out, net, tok)
    export.put_back(net, tensors)
    report = evaluate.measure(net.eval(), tok, args.out, tensors, device, args.dev_only)
    report |= dict(seed=args.seed, steps=step, train_seconds=round(spent), rows=stream.seen, peak=args.peak, base=bool(args.base), facts=len(corpus.facts()),
                   parameters=sum(p.numel() for p in net.parameters()))
    evaluate.card(args.out, report)
    print(f"all in {time.time() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
