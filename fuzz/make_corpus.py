"""The seeds of the fuzz targets: small sound files for mutations to break.

usage: python make_corpus.py       (needs: pip install gguf numpy)
"""
import json
import shutil
from pathlib import Path

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType as T, GGUFWriter

HERE = Path(__file__).parent
CORPUS = HERE / "corpus"
RNG = np.random.default_rng(7)
H = 8


def images():
    """The pictures of every format that the pixel tests read."""
    (CORPUS / "image").mkdir(exist_ok=True)
    for path in (HERE.parent / "tests/fixtures/vl2/pixels").glob("*.*"):
        if path.suffix != ".json":
            shutil.copy(path, CORPUS / "image" / path.name)


def finish(w):
    w.write_header_to_file(); w.write_kv_data_to_file(); w.write_tensors_to_file(); w.close()


def common(w, arch):
    w.add_context_length(64); w.add_embedding_length(H); w.add_block_count(1); w.add_feed_forward_length(H); w.add_head_count(2)
    w.add_head_count_kv(2); w.add_layer_norm_rms_eps(1e-6); w.add_rope_freq_base(10000.0)
    add = lambda name, *shape: w.add_tensor(name, RNG.standard_normal(shape).astype(np.float32))
    add("token_embd.weight", 4, H); add("output_norm.weight", H); add("output.weight", 4, H)
    add("blk.0.attn_norm.weight", H); add("blk.0.ffn_norm.weight", H); add("blk.0.attn_output.weight", H, H)
    return add


def dense(arch):
    w = GGUFWriter(CORPUS / "gguf" / f"{arch}.gguf", arch)
    add = common(w, arch)
    for part in ("attn_q", "attn_k", "attn_v", "ffn_gate", "ffn_up", "ffn_down"):
        add(f"blk.0.{part}.weight", H, H)
    if arch == "llama":
        w.add_rope_dimension_count(4); w.add_tensor("rope_freqs.weight", np.array([1, 8], np.float32)); w.add_rope_freq_base(500000.0)
    if arch == "qwen2":
        for part in ("attn_q", "attn_k", "attn_v"):
            add(f"blk.0.{part}.bias", H)
    finish(w)


def deepseek2(layout, gate):
    w = GGUFWriter(CORPUS / "gguf" / f"deepseek2-{layout}.gguf", "deepseek2")
    add = common(w, "deepseek2")
    w.add_kv_lora_rank(4); w.add_rope_dimension_count(2); w.add_key_length(6); w.add_value_length(4); w.add_key_length_mla(6); w.add_value_length_mla(4)
    w.add_expert_count(4); w.add_expert_used_count(2); w.add_expert_shared_count(1); w.add_expert_feed_forward_length(H)
    w.add_leading_dense_block_count(0); w.add_expert_weights_scale(2.5); w.add_uint32("deepseek2.expert_gating_func", gate)
    w.add_expert_group_count(2); w.add_expert_group_used_count(1); w.add_expert_weights_norm(True)
    add("blk.0.attn_q.weight", 12, H); add("blk.0.attn_kv_a_mqa.weight", 6, H); add("blk.0.attn_kv_a_norm.weight", 4)
    if layout == "whole":
        add("blk.0.attn_kv_b.weight", 16, 4)
    else:
        add("blk.0.attn_k_b.weight", 2, 4, 4); add("blk.0.attn_v_b.weight", 2, 4, 4)
    add("blk.0.ffn_gate_inp.weight", 4, H)
    if gate == 2:
        add("blk.0.exp_probs_b.bias", 4)
    for part in ("gate", "up", "down"):
        add(f"blk.0.ffn_{part}_exps.weight", 4, H, H); add(f"blk.0.ffn_{part}_shexp.weight", H, H)
    finish(w)


def types():
    w = GGUFWriter(CORPUS / "gguf" / "types.gguf", "qwen3")
    w.add_uint8("a.u8", 1); w.add_int8("a.i8", -1); w.add_uint16("a.u16", 2); w.add_int16("a.i16", -2); w.add_int32("a.i32", -3)
    w.add_uint64("a.u64", 1 << 40); w.add_int64("a.i64", -(1 << 40)); w.add_float64("a.f64", 0.1); w.add_bool("a.bool", True)
    w.add_array("a.ints", [1, 2, 3]); w.add_array("a.floats", [0.5, 1.5]); w.add_array("a.texts", ["x", "yz"]); w.add_array("a.bools", [True, False])
    w.add_custom_alignment(64)
    names = iter(f"blk.{n}.{part}.weight" for n in range(9) for part in ("attn_norm", "ffn_norm", "attn_q", "attn_k"))
    w.add_tensor("token_embd.weight", np.zeros((1, 8), np.float32))
    for kind in (T.F16, T.BF16, T.Q4_0, T.Q4_1, T.Q5_0, T.Q5_1, T.Q8_0, T.Q2_K, T.Q3_K, T.Q4_K, T.Q5_K, T.Q6_K, T.IQ1_S, T.IQ1_M,
                 T.IQ2_XXS, T.IQ2_XS, T.IQ2_S, T.IQ3_XXS, T.IQ3_S, T.IQ4_NL, T.IQ4_XS, T.MXFP4):
        block = RNG.integers(0, 256, (1, GGML_QUANT_SIZES[kind][1]), dtype=np.uint8)
        w.add_tensor(next(names), block, raw_dtype=kind)
    finish(w)


def tokenizer(name, pre, tokens, merges, model="gpt2", **own):
    w = GGUFWriter(CORPUS / "tokenizer" / f"{name}.gguf", "llama")
    w.add_tokenizer_model(model); w.add_tokenizer_pre(pre); w.add_token_list(tokens); w.add_token_types([3, 3, *[1] * (len(tokens) - 2)])
    if merges:
        w.add_token_merges(merges)
    w.add_bos_token_id(0); w.add_eos_token_id(1); w.add_add_bos_token(True); w.add_chat_template("{{ messages[0].content }}")
    for key, value in own.items():
        w.add_uint32(f"tokenizer.ggml.{key}", value)
    finish(w)


def safetensors(name, tensors, metadata=None):
    header, at = ({"__metadata__": metadata} if metadata else {}), 0
    for tensor, (dtype, shape, size) in tensors.items():
        header[tensor] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    (CORPUS / "safetensors" / name).write_bytes(len(text).to_bytes(8, "little") + text + bytes(at))


for target in ("gguf", "safetensors", "tokenizer", "template"):
    (CORPUS / target).mkdir(parents=True, exist_ok=True)
for arch in ("llama", "qwen2", "qwen3", "deepseek"):
    dense(arch)
deepseek2("parts", 2)
deepseek2("whole", 1)
types()
SPECIAL = ["<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>"]
LETTERS = [*"abcdehit", "Ġ", "Ċ", "1", "2", "3", "th", "the", "Ġthe", "ab"]
MERGES = ["t h", "th e", "Ġ the", "a b"]
for pre in ("deepseek-llm", "deepseek-coder", "deepseek-v3", "qwen2", "llama-bpe"):
    tokenizer(pre, pre, SPECIAL + LETTERS, MERGES)
tokenizer("infill", "deepseek-coder", SPECIAL + LETTERS, MERGES, fim_pre_token_id=2, fim_suf_token_id=3, fim_mid_token_id=4, eot_token_id=1)
tokenizer("spm", "default", ["<s>", "</s>", "a"], [], model="llama")
safetensors("one", {"a": ("F32", [2, 2], 16)}, {"format": "pt"})
safetensors("fp8", {"w.weight": ("F8_E4M3", [4, 4], 16), "w.weight_scale_inv": ("F32", [1, 1], 4), "s": ("F8_E8M0", [3], 3)})
safetensors("many", {f"model.layers.{n}.mlp.up_proj.weight": ("BF16", [2, 3], 12) for n in range(8)} | {"h": ("F16", [0, 5], 0)})
images()
for path in (HERE.parent / "tests/fixtures/text/templates").glob("*.jinja"):
    shutil.copy(path, CORPUS / "template" / path.name)
