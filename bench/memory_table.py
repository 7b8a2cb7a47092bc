"""The memory that a model was expected to take beside its peak, for three contexts and both types of the KV cache.

    python bench/memory_table.py whaledeck-engine MODEL...

A MODEL is a folder or a .gguf file, or a shape of bench/shapes, which gets random weights in bf16 (or its name and
`:q4_k`). Each line is one process: it reads a prompt that fills the context, and answers a few tokens.
"""

import json
import os
import subprocess
import sys

CONTEXTS = (1024, 4096, 8192)
TOKENS = 8


def target(model):
    name, _, dtype = model.partition(":")
    if name.endswith(".json"):
        return ["--random", name, "--dtype", dtype or "bf16"]
    return [name]


def measure(engine, model, context, cache):
    command = [engine, "bench", *target(model), "--cache-dtype", cache]
    command += ["--prompt", str(context - TOKENS - 1), "--tokens", str(TOKENS)]
    run = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return json.loads(run.stdout)["memory"]


def main(engine, *models):
    print("| model | context | cache | expected, MB | peak, MB | peak / expected |\n|---|---|---|---|---|---|")
    for model in models:
        name = os.path.basename(model.rstrip("/")).removesuffix(".gguf").replace(".json", "")
        for context in CONTEXTS:
            for cache in ("bf16", "fp8"):
                memory = measure(engine, model, context, cache)
                expected, peak = memory["predicted"] / 1e6, memory["peak"] / 1e6
                ratio = memory["peak_over_predicted"]
                print(f"| {name} | {context} | {cache} | {expected:,.0f} | {peak:,.0f} | {ratio:.3f} |", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
