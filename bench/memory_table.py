"""The memory that a model was expected to take beside its peak, for three contexts and both types of the KV cache.

    python bench/memory_table.py [--short] whaledeck-engine MODEL...

A MODEL is a folder or a .gguf file, which is served and given a prompt that fills the context; or a shape of
bench/shapes, which is measured by `whaledeck-engine bench` with random weights in bf16. Each line is one process.
With --short the contexts are those of a model that ends before 8,192 tokens.
"""

import functools
import json
import os
import re
import subprocess
import sys
import urllib.request

CONTEXTS = (1024, 4096, 8192)
SHORT = (1024, 1536, 2048)
ANSWER = 16


def post(address, path, body):
    request = urllib.request.Request(address + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
    return json.load(urllib.request.urlopen(request))


@functools.cache
def vocabulary(engine, model):
    report = subprocess.run([engine, "inspect", model], check=True, stdout=subprocess.PIPE, text=True).stdout
    return int(re.search(r"vocab_size\s+(\d+)", report)[1])


def serve(engine, model, context, cache):
    command = [engine, "serve", "--model", model, "--model-name", "model", "--context", str(context)]
    command += ["--cache-dtype", cache, "--sequences", "1", "--place", "cpu"]
    worker = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        for line in worker.stdout:
            event = json.loads(line)
            if event["event"] == "listening":
                address = event["address"]
            if event["event"] == "failed":
                return None
            if event["event"] == "ready":
                break
        # Words of the whole vocabulary: the rows of the others would not be read from the mapped file.
        words = vocabulary(engine, model)
        prompt = [at * 2_654_435_761 % words for at in range(context - ANSWER)]
        post(address, "/v1/completions", {"model": "model", "prompt": prompt, "max_tokens": ANSWER, "temperature": 0})
        report = json.load(urllib.request.urlopen(address + "/v1/whaledeck/memory"))
        return report["process"]["predicted"], report["process"]["measured"]
    finally:
        worker.terminate()
        worker.wait()


def bench(engine, shape, context, cache):
    command = [engine, "bench", "--random", shape, "--dtype", "bf16", "--cache-dtype", cache]
    command += ["--prompt", str(context - ANSWER - 1), "--tokens", str(ANSWER)]
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    if run.returncode != 0:
        return None
    memory = json.loads(run.stdout)["memory"]
    return memory["predicted"], memory["peak"]


def main(*arguments):
    short = arguments[0] == "--short"
    engine, *models = arguments[1:] if short else arguments
    print("| model | context | cache | expected, MB | measured, MB | measured / expected |\n|---|---|---|---|---|---|")
    for model in models:
        name = os.path.basename(model.rstrip("/")).removesuffix(".gguf").removesuffix(".json")
        measure = bench if model.endswith(".json") else serve
        # A model that ends before the longest of them gets the short ones.
        for context in SHORT if short or not measure(engine, model, CONTEXTS[-1], "fp8") else CONTEXTS:
            for cache in ("bf16", "fp8"):
                expected, measured = measure(engine, model, context, cache)
                row = f"{expected / 1e6:,.0f} | {measured / 1e6:,.0f} | {measured / expected:.3f}"
                print(f"| {name} | {context:,} | {cache} | {row} |", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
