"""Begins a network with the weights of an earlier checkpoint of the same kind that may have fewer layers and other words.

A layer that it lacks begins as one that adds nothing. A word that it lacks begins as the mean of the old words of which it is made.
"""
import pathlib

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer

from export import STACKED

WORDS = ("language.model.embed_tokens.weight", "language.lm_head.weight")


def stacked(published):
    """The state with the experts of a layer in three tensors, as model.py has them."""
    out, experts = {}, {}
    for name, tensor in published.items():
        if ".experts." in name:
            before, after = name.split(".experts.")
            number, part, _ = after.split(".")
            experts.setdefault(f"{before}.{part}", {})[int(number)] = tensor.float()
        else:
            out[name] = tensor.float()
    return out | {name: torch.stack([ones[i] for i in range(len(ones))]) for name, ones in experts.items()}


def warm(net, folder, tok):
    folder = pathlib.Path(folder)
    old, old_tok = stacked(load_file(folder / "model.safetensors")), Tokenizer.from_file(str(folder / "tokenizer.json"))
    for name in WORDS:
        table = torch.empty(tok.get_vocab_size(), old[name].shape[1])
        for text, at in tok.get_vocab().items():
            same = old_tok.token_to_id(text)
            parts = [same] if same is not None else old_tok.encode(tok.decode([at], skip_special_tokens=False), add_special_tokens=False).ids
            table[at] = old[name][parts].mean(0) if parts else 0
        old[name] = table
    with torch.no_grad():
        for name, p in net.named_parameters():
            if name in old:
                if old[name].shape[0] < p.shape[0] and name in WORDS:
                    p[: old[name].shape[0]].copy_(old[name])
                else:
                    p.copy_(old[name])
            elif name.endswith(("o_proj.weight", "down_proj", "down_proj.weight")):
                p.zero_()
