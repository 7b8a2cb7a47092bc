"""This engine and llama.cpp on the same card, with the same GGUF files, in one sitting.

    python bench/beside_llama.py whaledeck-engine llama-bench FOLDER bench/shapes/v2-lite.json ... 4000

llama-bench is llama.cpp's own program, built with CUDA. Files have random weights in the mix of Q4_K_M
(`random_gguf.py`) and stay in FOLDER; a prompt is 2,048 tokens, an answer 256 at temperature 0.6 and top_p 0.95 behind 1,024 and
16,384 tokens. llama-bench does not sample. Beside each speed of an answer: the floor, the bytes of the weights
that a token reads and of the cache over the bandwidth of the card (GB/s, the last argument), and the kernels of
a token.
"""

import json
import os
import subprocess
import sys

import random_gguf

SHORT, LONG, PROMPT = 1024, 16384, 2048


def run(*command):
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout)


def ours(engine, file, prompt, tokens, cache):
    report = run(
        engine, "bench", file, "--place", "card", "--prompt", str(prompt), "--tokens", str(tokens), "--cache-dtype", cache
    )
    return report["prefill"]["tokens_per_second"], report["decode"]["tokens_per_second"], report["launches"]


def llama(bench, file, *options):
    rows = run(bench, "-m", file, "-ngl", "99", "-fa", "auto", "-r", "3", "-o", "json", *options)
    return {row["n_depth"]: row["avg_ts"] for row in rows}


def bytes_of_a_token(shape, file):
    """Of the weights that one token reads: all but the embedding and the experts that were not chosen."""
    size = os.path.getsize(file) - shape["vocab_size"] * shape["hidden_size"] * 144 // 256
    if "n_routed_experts" not in shape:
        return size
    layers = shape["num_hidden_layers"] - shape["first_k_dense_replace"]
    kind = random_gguf.Q4_K
    pair = 2 * shape["moe_intermediate_size"] * shape["hidden_size"] // kind[1] * kind[2]
    total = 0
    for layer in range(shape["first_k_dense_replace"], shape["num_hidden_layers"]):
        high = random_gguf.Q6_K if random_gguf.more_bits(layer, shape["num_hidden_layers"]) else kind
        down = random_gguf.k_or(high, shape["moe_intermediate_size"])
        total += pair + shape["moe_intermediate_size"] * shape["hidden_size"] // down[1] * down[2]
    assert layers > 0
    return size - total * (shape["n_routed_experts"] - shape["num_experts_per_tok"])


def cache_bytes(shape, cache):
    if "kv_lora_rank" in shape:
        width = 656 if cache == "fp8" else 2 * (shape["kv_lora_rank"] + shape["qk_rope_head_dim"])
    else:
        width = 4 * shape["hidden_size"] // shape["num_attention_heads"] * shape["num_key_value_heads"]
    return width * shape["num_hidden_layers"]


def main(engine, bench, folder, *rest):
    shapes, bandwidth = rest[:-1], float(rest[-1]) * 1e9
    print(f"{'':44} {'ours':>9} {'llama.cpp':>9} {'ratio':>6} {'floor':>7} {'launches':>8}")
    for config in shapes:
        shape = json.load(open(config))
        name = os.path.basename(config).removesuffix(".json")
        file = os.path.join(folder, name + ".gguf")
        if not os.path.exists(file):
            random_gguf.main(config, file)
        theirs = llama(bench, file, "-p", str(PROMPT), "-n", "0")[0]
        prefill, _, _ = ours(engine, file, PROMPT, 8, "bf16")
        line(f"{name}, prefill {PROMPT}", prefill, theirs)
        theirs = llama(bench, file, "-p", "0", "-n", "128", "-d", f"{SHORT},{LONG}")
        for depth in (SHORT, LONG):
            cache = "fp8" if depth == LONG and "kv_lora_rank" in shape else "bf16"
            _, decode, launches = ours(engine, file, depth, 256, cache)
            size = bytes_of_a_token(shape, file) + depth * cache_bytes(shape, cache)
            line(f"{name}, decode at {depth}, {cache} cache", decode, theirs[depth], bandwidth / size, launches)


def line(what, ours, theirs, floor=None, launches=None):
    beside = "" if floor is None else f"{floor:7.0f} {launches:8.0f}"
    print(f"{what:44} {ours:9.0f} {theirs:9.0f} {ours / theirs:6.2f} {beside}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
