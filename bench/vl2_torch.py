"""How fast DeepSeek's own code is on this machine's processor, beside `whaledeck-engine bench --random`: a tile through the
vision tower and the projector, the first token after a picture, and tokens of an answer, with random weights of a shape.

    VL2=path/to/DeepSeek-VL2 python vl2_torch.py ../shapes/vl2-tiny.json [--dtype bf16|f32] [--threads N] [--see-only]

Needs what tests/fixtures/vl2/make.py needs. The language part of VL2-Tiny takes 12 GB in f32 and 6 in bf16.
"""
import argparse
import json
import os
import pathlib
import sys
import time
import types

import torch

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, os.environ["VL2"])
attrdict, xformers, ops = (types.ModuleType(name) for name in ("attrdict", "xformers", "xformers.ops"))
attrdict.AttrDict = dict
ops.memory_efficient_attention = lambda q, k, v, p=0.0: torch.nn.functional.scaled_dot_product_attention(
    q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)).transpose(1, 2)
sys.modules.update({"attrdict": attrdict, "xformers": xformers, "xformers.ops": ops})

from deepseek_vl2.models import DeepseekVLV2ForCausalLM
from deepseek_vl2.models.modeling_deepseek_vl_v2 import DeepseekVLV2Config


def model(shape, dtype, see_only):
    config = json.loads(pathlib.Path(shape).read_text())
    if see_only:
        config["language_config"].update(num_hidden_layers=1, n_routed_experts=8, vocab_size=1024)
    torch.set_default_dtype(dtype)
    # Nothing is drawn by the modules themselves: that takes minutes.
    for name in ("kaiming_uniform_", "normal_", "uniform_", "trunc_normal_"):
        setattr(torch.nn.init, name, lambda tensor, *_, **__: tensor)
    made = DeepseekVLV2ForCausalLM(DeepseekVLV2Config(**config)).eval()
    with torch.no_grad():
        for name, tensor in made.named_parameters():
            if "norm" in name and name.endswith("weight"):
                tensor.fill_(1)
            else:
                # One draw of a row is enough for speed, and quick.
                tensor.view(-1, tensor.shape[-1])[:] = torch.randn(tensor.shape[-1]) * tensor.shape[-1] ** -0.5
    return made


def timed(work, rounds):
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - start)
    return result, times


@torch.no_grad()
def main():
    asked = argparse.ArgumentParser()
    asked.add_argument("shape")
    asked.add_argument("--dtype", default="bf16", choices=["bf16", "f32"])
    asked.add_argument("--threads", type=int, default=2)
    asked.add_argument("--tokens", type=int, default=16)
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--see-only", action="store_true")
    given = asked.parse_args()
    torch.set_num_threads(given.threads)
    dtype = {"bf16": torch.bfloat16, "f32": torch.float32}[given.dtype]
    made = model(given.shape, dtype, given.see_only)
    report = dict(torch=torch.__version__, dtype=given.dtype, threads=given.threads)
    see = lambda tiles: made.projector(made.vision(tiles))
    one = torch.rand(1, 3, 384, 384, dtype=dtype) * 2 - 1
    see(one)
    report["encode_seconds_of_one_tile"] = timed(lambda: see(one), given.rounds)[1]
    for width, height in [] if given.see_only else [(1, 1), (3, 3)]:
        tiles = torch.rand(1, 1 + width * height, 3, 384, 384, dtype=dtype) * 2 - 1
        count = 14 * 15 + 1 + height * 14 * (width * 14 + 1)
        ids = torch.zeros(1, count, dtype=torch.long)
        start = time.perf_counter()
        embeds = made.prepare_inputs_embeds(
            input_ids=ids, images=tiles, images_seq_mask=torch.ones_like(ids, dtype=torch.bool),
            images_spatial_crop=torch.tensor([[[width, height]]]))
        encode = time.perf_counter() - start
        out = made.language(inputs_embeds=embeds, use_cache=True)
        first = time.perf_counter() - start
        report[f"{width}x{height}"] = dict(tokens=count, encode_seconds=encode, first_token_seconds=first)
        if (width, height) == (1, 1):
            past, times = out.past_key_values, []
            token = out.logits[:, -1].argmax(-1, keepdim=True)
            for at in range(given.tokens):
                start = time.perf_counter()
                places = torch.tensor([[count + at]])
                out = made.language(input_ids=token, past_key_values=past, position_ids=places, use_cache=True)
                past, token = out.past_key_values, out.logits[:, -1].argmax(-1, keepdim=True)
                times.append(time.perf_counter() - start)
            report["decode_tokens_per_second"] = len(times) / sum(times)
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
