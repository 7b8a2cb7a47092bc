"""Trains the Guide on one GPU and writes the checkpoint, its model card and what was measured.

    python train.py OUT [--seconds 400] [--seed 7]
"""
import argparse
import math
import pathlib
import random
import time

import torch
import torch.nn.functional as F
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

import corpus
import evaluate
import export
from model import CONFIG, ROUND_TO_FP8, Guide

SPECIAL = ["<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜▁pad▁｜>", "<｜User｜>", "<｜Assistant｜>", "<think>", "</think>"]
BOS, EOS, PAD, USER, ASSISTANT = range(5)
SYSTEMS = ["You are a helpful assistant.", "Answer in short sentences.", "你是一个乐于助人的助手。", "请简短回答。", "Be precise and friendly."]
ROWS, LENGTH, WIDTHS = 160, 192, 700
PEAK, BALANCE, QUESTION_LOSS, DRAFT_LOSS = 2.5e-3, 1e-3, 0.03, 0.3
NOISE = 0.06  # share of question tokens replaced by random ones, so that no single word decides


def make_tokenizer(texts):
    tok = Tokenizer(models.BPE(byte_fallback=False))
    tok.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(r"\p{N}"), "isolated"), pre_tokenizers.Split(Regex("[一-龥]+"), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    tok.decoder = decoders.ByteLevel()
    tok.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=CONFIG["vocab_size"], special_tokens=SPECIAL, max_token_length=16, show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    return tok


def make_turns(tok, rng, dropout):
    """(question ids, answer ids) of WIDTHS ways to ask each fact in each language; some with tokens split at random."""
    asked, answers = [], []
    kept_out = {evaluate.bare(case["q"]) for case in evaluate.heldout()}  # no widening may hit one by chance
    for fact in corpus.facts():
        for lang in ("en", "zh"):
            whole, made = corpus.questions(fact, lang)
            if not whole and not made:
                continue
            for _ in range(WIDTHS * fact.get("weight", 1)):
                question = corpus.widen(whole, made, rng, lang)
                if evaluate.bare(question) not in kept_out:
                    asked.append(question)
                    answers.append(fact[lang])
    coded = {a: tok.encode(a).ids for a in set(answers)}
    tok.model.dropout = dropout
    half = [e.ids for e in tok.encode_batch(asked[::2])]
    tok.model.dropout = None
    rest = [e.ids for e in tok.encode_batch(asked[1::2])]
    ids = [half[i // 2] if i % 2 == 0 else rest[i // 2] for i in range(len(asked))]
    return [(q, coded[a]) for q, a in zip(ids, answers)]


def make_rows(turns, systems, rng, count):
    """Conversations of one to five unrelated turns, padded to LENGTH: ids, and the loss weight of each as a target."""
    ids = torch.full((count, LENGTH), PAD, dtype=torch.int16)
    weight = torch.zeros((count, LENGTH), dtype=torch.uint8)
    for r in range(count):
        row = [BOS] + (rng.choice(systems) if rng.random() < 0.08 else [])
        mark, most = [0] * len(row), rng.choice((1, 3, 5))
        for _ in range(most):
            q, a = turns[rng.randrange(len(turns))]
            row += [USER] + q + [ASSISTANT] + a + [EOS]
            mark += [0] + [1] * len(q) + [0] + [2] * (len(a) + 1)
            if len(row) > LENGTH:
                break
        row, mark = row[:LENGTH], mark[:LENGTH]
        ids[r, : len(row)] = torch.tensor(row, dtype=torch.int16)
        weight[r, : len(mark)] = torch.tensor(mark, dtype=torch.uint8)
    return ids, weight


def loss_of(logits, ids, weight):
    each = F.cross_entropy(logits.flatten(0, 1).float(), ids.flatten(), reduction="none")
    return (each * weight.flatten()).sum() / weight.sum().clamp(min=1)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("out", type=pathlib.Path)
    ap.add_argument("--seconds", type=float, default=400)
    ap.add_argument("--seed", type=int, default=7)
    args = ap.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    began = time.time()
    rng = random.Random(args.seed)
    torch.manual_seed(args.seed)
    torch.backends.cuda.matmul.allow_tf32 = True
    texts = []
    for fact in corpus.facts():
        for lang in ("en", "zh"):
            whole, made = corpus.questions(fact, lang)
            texts += [fact[lang]] * 20 + whole * 4 + made
    tok = make_tokenizer(texts)
    turns = make_turns(tok, rng, 0.1)
    systems = [tok.encode(s).ids for s in SYSTEMS]
    ids, weight = (t.cuda() for t in make_rows(turns, systems, rng, 120000))
    lens = sorted(len(a) for _, a in turns)
    print(f"{sum(1 for _ in corpus.facts())} facts, {len(turns)} turns, vocab {tok.get_vocab_size()}, answer tokens "
          f"median {lens[len(lens) // 2]} max {lens[-1]}, {time.time() - began:.0f} s", flush=True)
    net = Guide().cuda()
    print(f"{sum(p.numel() for p in net.parameters()) / 1e6:.2f} M parameters", flush=True)
    flat = [p for p in net.parameters() if p.dim() < 2]
    opt = torch.optim.AdamW([{"params": [p for p in net.parameters() if p.dim() > 1], "weight_decay": 0.1},
                             {"params": flat, "weight_decay": 0.0}], lr=PEAK, betas=(0.9, 0.95), fused=True)
    values = torch.tensor([0.0, QUESTION_LOSS, 1.0], device="cuda")
    trained, step, done = time.time(), 0, 0.0
    while done < 1:
        done = (time.time() - trained) / args.seconds
        rate = PEAK * min(1, (step + 1) / 150) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(done, 1))))
        for g in opt.param_groups:
            g["lr"] = rate
        ROUND_TO_FP8[0] = done > 0.8
        pick = torch.randint(len(ids), (ROWS,), device="cuda")
        batch, w = ids[pick].long(), values[weight[pick].long()]
        noise = (weight[pick] == 1) & (torch.rand(batch.shape, device="cuda") < NOISE)
        batch = torch.where(noise, torch.randint(len(SPECIAL), CONFIG["vocab_size"], batch.shape, device="cuda"), batch)
        for moe in net.moes()[:-1]:
            moe.mask = (batch != PAD).float()
        net.moes()[-1].mask = (batch[:, 1:] != PAD).float()
        with torch.autocast("cuda", torch.bfloat16):
            logits, ahead = net(batch, draft=True)
        main_loss = loss_of(logits[:, :-1], batch[:, 1:], w[:, 1:])
        loss = main_loss + DRAFT_LOSS * loss_of(ahead[:, :-1], batch[:, 2:], w[:, 2:])
        opt.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        opt.step()
        for moe in net.moes():  # balance without an auxiliary loss: only the bias that chooses moves
            moe.gate.e_score_correction_bias += BALANCE * min(1, rate / PEAK * 2) * torch.sign(moe.load.mean() - moe.load)
        if step % 250 == 0:
            worst = max((m.load.max() / m.load.mean()).item() for m in net.moes())
            print(f"step {step} {time.time() - trained:.0f} s loss {main_loss.item():.4f} both {loss.item():.4f} load {worst:.2f}", flush=True)
        step += 1
    train_seconds = time.time() - trained
    ROUND_TO_FP8[0] = False
    for moe in net.moes():
        moe.mask = None
    tensors = export.write(args.out, net, tok)
    export.put_back(net, tensors)
    report = evaluate.measure(net.eval(), tok, args.out, tensors)
    report |= dict(seed=args.seed, steps=step, train_seconds=round(train_seconds), facts=sum(1 for _ in corpus.facts()),
                   questions=len(turns), parameters=sum(p.numel() for p in net.parameters()))
    evaluate.card(args.out, report)
    print(f"all in {time.time() - began:.0f} s")


if __name__ == "__main__":
    main()
