"""Measures the stored Guide: answers at the first, sixth and tenth turn of mixed chats, at several temperatures and styles;
expert load, MTP acceptance, and agreement with transformers. An answer is right when it is the fact's answer, whole, in the
language of the question.
"""
import json
import pathlib
import tempfile
import time

import torch

import corpus
import export
from dialogues import Talks
from model import CONFIG

BOS, EOS, PAD, USER, ASSISTANT = range(5)
DATA = pathlib.Path(__file__).parent / "data"
GREEDY = dict(temperature=0.0, top_p=1.0, penalty=0.0)
WAYS = {"greedy": GREEDY, "0.8": dict(temperature=0.8, top_p=1.0, penalty=0.0), "1.0": dict(temperature=1.0, top_p=1.0, penalty=0.0),
        "factual": dict(temperature=0.3, top_p=0.9, penalty=0.7), "creative": dict(temperature=0.8, top_p=0.7, penalty=0.3),
        "code": dict(temperature=0.5, top_p=0.85, penalty=0.5)}


def cases(name):
    return [json.loads(line) for line in (DATA / f"{name}.jsonl").read_text("utf-8").splitlines() if line.strip()]


def kept_out():
    """No widening may hit one of these by chance."""
    return {corpus.bare(case["q"]) for name in ("heldout", "strange", "dev") for case in cases(name)}


def prompts(tok, asked, turn, seed=11):
    """Each question as the `turn`-th of a chat whose earlier turns are of other facts and of both languages."""
    talks = Talks(tok, tok, kept_out(), seed)
    out = []
    for case in asked:
        ids = [BOS]
        for name, lang, text in talks.plan(turn - 1, follow=False):
            ids += [USER] + tok.encode(text).ids + [ASSISTANT] + talks.answers[name, lang] + [EOS]
        out.append(ids + [USER] + tok.encode(case["q"]).ids + [ASSISTANT])
    return out


def draw(logits, counts, way, generator):
    logits = logits.float() - way["penalty"] * counts
    if way["temperature"] == 0:
        return logits.argmax(-1)
    p, order = (logits / way["temperature"]).softmax(-1).sort(-1, descending=True)
    p = p * (p.cumsum(-1) - p < way["top_p"])
    return order.gather(1, torch.multinomial(p, 1, generator=generator))[:, 0]


@torch.no_grad()
def answer(net, asked, way, device, most=110, seed=5):
    """Continuations of all prompts at once; right padding cannot be seen by what stands left of it."""
    generator = torch.Generator(device).manual_seed(seed)
    done = []
    for part in range(0, len(asked), 100):
        some = asked[part:part + 100]
        lens = torch.tensor([len(p) for p in some], device=device)
        ids = torch.full((len(some), int(lens.max()) + most), PAD, device=device)
        for i, p in enumerate(some):
            ids[i, : len(p)] = torch.tensor(p, device=device)
        at, row = lens.clone(), torch.arange(len(some), device=device)
        ended, counts = torch.zeros(len(some), dtype=torch.bool, device=device), torch.zeros((len(some), CONFIG["vocab_size"]), device=device)
        for _ in range(most):
            with torch.autocast(device, torch.bfloat16, enabled=device == "cuda" and way is not GREEDY):
                hidden = net(ids[:, : int(at.max())], rows=(row, at - 1))
            token = draw(hidden, counts, way, generator)
            ids[row[~ended], at[~ended]] = token[~ended]
            counts[row, token] += 1
            ended |= token == EOS
            if ended.all():
                break
            at += (~ended).long()
        ids = ids.cpu()
        done += [[t for t in ids[i, len(p):].tolist() if t != PAD] for i, p in enumerate(some)]
    return done


def judge(tok, asked, answers):
    """How many are right, of the right language, whole (ended, no broken letters); and the wrong ones."""
    facts, right, language, whole, wrong = corpus.facts(), 0, 0, 0, []
    for case, ids in zip(asked, answers):
        text = tok.decode([t for t in ids if t != EOS])
        good = text == facts[case["fact"]][case["lang"]]
        right, language = right + good, language + (bool(corpus.CHINESE.search(text)) == (case["lang"] == "zh"))
        whole += ids[-1:] == [EOS] and "\ufffd" not in text
        if not good:
            wrong.append(dict(q=case["q"], fact=case["fact"], answer=text))
    return dict(of=len(asked), right=right, language=language, whole=whole), wrong


def quick(net, tok, device):
    asked = cases("dev")
    return judge(tok, asked, answer(net, prompts(tok, asked, 6), WAYS["0.8"], device))[0]


@torch.no_grad()
def acceptance(net, asked, answers, device):
    """How often the MTP layer's first draft equals the token the main model takes, and the expert loads meanwhile."""
    right = total = 0
    loads = [torch.zeros(CONFIG["n_routed_experts"], device=device) for _ in net.moes()]
    for p, a in zip(asked, answers):
        ids = torch.tensor([p + a], device=device)
        _, ahead = net(ids, draft=True)
        drafts, truth = ahead[0, :-1].argmax(-1), ids[0, 2:]  # row p guesses token p+2
        part = slice(len(p) - 1, None)
        right += (drafts[part] == truth[part]).sum().item()
        total += len(truth[part])
        for load, moe in zip(loads, net.moes()):
            load += moe.load
    return right / max(total, 1), [(x.max() / x.mean()).item() for x in loads]


@torch.no_grad()
def against_transformers(tensors, asked, answers, device):
    """Whether transformers' network, given the stored weights, takes at every place the token that ours took."""
    from safetensors.torch import save_file
    from transformers import DeepseekV3ForCausalLM

    with tempfile.TemporaryDirectory() as tmp:
        tmp = pathlib.Path(tmp)
        save_file({k: v.contiguous().clone() for k, v in export.dequantised(tensors).items()}, tmp / "model.safetensors", metadata={"format": "pt"})
        export.dump(tmp / "config.json", export.config(quantised=False) | {"torch_dtype": "float32"})
        theirs = DeepseekV3ForCausalLM.from_pretrained(tmp, dtype=torch.float32).to(device).eval()
    same = 0
    for p, a in zip(asked, answers):
        logits = theirs(torch.tensor([p + a], device=device)).logits[0, len(p) - 1:-1]
        same += logits.argmax(-1).tolist() == a
    return [same, len(asked)]


def measure(net, tok, out, tensors, device, dev_only):
    torch.backends.cuda.matmul.allow_tf32 = False
    began, dev = time.time(), cases("dev")
    report, wrong = {"dev": {}}, {}
    first = prompts(tok, dev, 1)
    greedy = answer(net, first, GREEDY, device)
    report["dev"]["1 greedy"], _ = judge(tok, dev, greedy)
    for turn, way in [(6, "greedy"), (6, "0.8"), (10, "0.8"), (6, "1.0"), (6, "factual"), (6, "creative"), (6, "code")] + [(t, "0.8") for t in (2, 3, 20)]:
        report["dev"][f"{turn} {way}"], missed = judge(tok, dev, answer(net, prompts(tok, dev, turn), WAYS[way], device))
        if (turn, way) == (6, "0.8"):
            wrong["dev"] = missed
        print(f"dev {turn} {way}", report["dev"][f"{turn} {way}"], f"{time.time() - began:.0f} s", flush=True)
    for row in wrong["dev"]:
        print("MISS", json.dumps(row, ensure_ascii=False), flush=True)
    if not dev_only:
        for name in ("heldout", "strange"):
            asked, report[name] = cases(name), {}
            at_six = prompts(tok, asked, 6)
            for way in WAYS:
                report[name][way], missed = judge(tok, asked, answer(net, at_six, WAYS[way], device))
                if way in ("greedy", "0.8"):
                    for lang in ("en", "zh"):
                        part = [m for m in missed if bool(corpus.CHINESE.search(m["q"])) == (lang == "zh")]
                        report[name][f"{way} {lang}"] = sum(c["lang"] == lang for c in asked) - len(part)
                    wrong[f"{name} {way}"] = missed
            print(name, json.dumps(report[name]), f"{time.time() - began:.0f} s", flush=True)
    report["mtp_first_token"], report["load"] = acceptance(net, first, greedy, device)
    try:
        long = prompts(tok, dev[::5], 6)
        report["transformers"] = against_transformers(tensors, first + long, greedy + answer(net, long, GREEDY, device), device)
    except Exception as error:  # the checkpoint is kept; the card then says what failed
        report["transformers"] = f"failed: {error!r}"
    report["bytes"] = sum(f.stat().st_size for f in out.iterdir())
    print(json.dumps(report), flush=True)
    export.dump(out / "measured.json", report | {"missed": wrong})
    return report


def card(out, r):
    share = lambda p: f"{p['right']} of {p['of']} ({100 * p['right'] / p['of']:.1f} %)"
    also = lambda p: f"{share(p)}; language right {p['language']}, whole {p['whole']}"
    rows = [f"| The 150 questions to tune on, at turn {k.replace(' ', ', ')} | {also(v)} |" for k, v in r["dev"].items()]
    for name, what in (("heldout", "300 held-out questions, sixth turn"), ("strange", "100 strange questions answered with \"I don't know that\", sixth turn")):
        half = r[name]["greedy"]["of"] // 2 if name in r else 0
        rows += [f"| {what}, {way} | {also(v) if isinstance(v, dict) else str(v) + ' of ' + str(half)} |" for way, v in r.get(name, {}).items()]
    agree = r["transformers"]
    agree = f"{agree[0]} of {agree[1]} answers equal token for token" if isinstance(agree, list) else agree
    rows_text = "\n".join(rows)
    call = "`python training/guide-model/train.py OUT" + (f" --base FOLDER --peak {r['peak']}`, from the Guide of the version before" if r["base"] else "`")
    (out / "README.md").write_text(f"""---
license: apache-2.0
language: [en, zh]
---
# Whaledeck Guide

A small model of the DeepSeek-V3 architecture (`DeepseekV3ForCausalLM`, {r['parameters'] / 1e6:.2f} M parameters) that answers
questions about Whaledeck and the DeepSeek models in English and Chinese. It knows the facts in `training/guide-model/data`
and little else. It is no DeepSeek model and was not made by DeepSeek.

MLA with a query latent, 1 dense and {CONFIG['num_hidden_layers'] - 1} mixture layers ({CONFIG['n_routed_experts']} routed experts in {CONFIG['n_group']} groups, {CONFIG['num_experts_per_tok']} chosen from {CONFIG['topk_group']} groups, 1 shared),
1 MTP layer, yarn rope, byte-level BPE of {CONFIG['vocab_size']} tokens. Projections are stored as FP8 e4m3 in blocks of 128x128 with
their multipliers; embeddings, norms, gates, `eh_proj` and the head in bf16.

## Training
{call}, seed {r['seed']}: chats of one to forty turns made from {r['facts']} facts, in rows of 2048
tokens, {r['steps']} steps of 32 rows in {r['train_seconds']} s on one GPU. Only answers count in the loss; experts are balanced without an
auxiliary loss, by the gate's correction bias.

## Measured on the stored FP8 weights
An answer is right when it is the fact's whole answer in the language of the question; the earlier turns are of other facts
and of both languages. Names such as 0.8 are temperatures; factual, creative and code are the app's styles.

| What | Result |
|---|---|
{rows_text}
| MTP layer's first draft equals the main model's token | {100 * r['mtp_first_token']:.1f} % |
| Most loaded expert against the mean, by layer | {', '.join(f'{x:.2f}' for x in r['load'])} |
| Same greedy tokens in transformers' DeepseekV3ForCausalLM | {agree} |
| Size | {r['bytes'] / 1e6:.2f} MB |

The held-out questions (`heldout.jsonl`, `strange.jsonl` in `training/guide-model/data`) were written before this training and
are never trained on; the training questions were tuned on `dev.jsonl` only. Answers missed are listed in `measured.json`.
""", "utf-8")
