"""Writes a GGUF file with random weights in the mix of Q4_K_M, of a shape in bench/shapes, for llama.cpp and this
engine alike: the two read the same bytes. The tokenizer is made up; only speed can be measured with it.

    python bench/random_gguf.py bench/shapes/v2-lite.json v2-lite.gguf
"""

import json
import struct
import sys

import numpy as np

ALIGN = 32
# GGML type, weights and bytes of a block, byte offsets of its f16 scales
F32, Q5_0, Q8_0, Q4_K, Q6_K = (0, 1, 4, []), (6, 32, 22, [0]), (8, 32, 34, [0]), (12, 256, 144, [0, 2]), (14, 256, 210, [208])
# Standard deviation of the values when each scale is one: a block of random codes has it.
SPREAD = {6: 9.2, 8: 73.9, 12: 4.61 * 32, 14: 18.5 * 64}
VALUE_UINT32, VALUE_INT32, VALUE_FLOAT32, VALUE_BOOL, VALUE_STRING, VALUE_ARRAY = 4, 5, 6, 7, 8, 9


def text(value):
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def value(item):
    if isinstance(item, bool):
        return VALUE_BOOL, struct.pack("<?", item)
    if isinstance(item, int):
        return VALUE_UINT32, struct.pack("<I", item)
    if isinstance(item, float):
        return VALUE_FLOAT32, struct.pack("<f", item)
    if isinstance(item, str):
        return VALUE_STRING, text(item)
    if item and isinstance(item[0], int):
        return VALUE_ARRAY, struct.pack("<IQ", VALUE_INT32, len(item)) + np.array(item, "<i4").tobytes()
    return VALUE_ARRAY, struct.pack("<IQ", VALUE_STRING, len(item)) + b"".join(map(text, item))


def random_blocks(kind, count, std, random):
    """Random codes; scales that give the values about this standard deviation."""
    number, per_block, size, scales = kind
    blocks = count // per_block
    data = random.integers(0, 256, (blocks, size), np.uint8)
    unit = np.float16(std / SPREAD[number])
    for at, offset in enumerate(scales):
        scale = unit if at == 0 else np.float16(std / SPREAD[number] * 7.5)
        data[:, offset : offset + 2] = np.frombuffer(scale.tobytes(), np.uint8)
    if number == 12:
        # Six-bit scales and minimums of 32 each.
        data[:, 4:12] = 32 | (2 << 6)
        data[:, 12:16] = 0
    if number == 14:
        data[:, 192:208] = 64
    return data


def k_or(kind, cols):
    """Rows that are no multiple of 256 take the format that llama.cpp's quantizer falls back to."""
    if cols % 256 == 0:
        return kind
    return Q5_0 if kind is Q4_K else Q8_0


def more_bits(layer, layers):
    return layer < layers // 8 or layer >= 7 * layers // 8 or (layer - layers // 8) % 3 == 2


def dense_tensors(shape):
    hidden, inner, layers = shape["hidden_size"], shape["intermediate_size"], shape["num_hidden_layers"]
    heads, groups = shape["num_attention_heads"], shape["num_key_value_heads"]
    kv = hidden // heads * groups
    for layer in range(layers):
        high = Q6_K if more_bits(layer, layers) else Q4_K
        name = f"blk.{layer}."
        yield name + "attn_norm.weight", [hidden], F32
        yield name + "ffn_norm.weight", [hidden], F32
        for part, rows, kind in (("q", hidden, Q4_K), ("k", kv, Q4_K), ("v", kv, high)):
            yield name + f"attn_{part}.weight", [rows, hidden], kind
            yield name + f"attn_{part}.bias", [rows], F32
        yield name + "attn_output.weight", [hidden, hidden], Q4_K
        yield name + "ffn_gate.weight", [inner, hidden], Q4_K
        yield name + "ffn_up.weight", [inner, hidden], Q4_K
        yield name + "ffn_down.weight", [hidden, inner], high


def latent_tensors(shape):
    hidden, layers, heads = shape["hidden_size"], shape["num_hidden_layers"], shape["num_attention_heads"]
    latent, rope = shape["kv_lora_rank"], shape["qk_rope_head_dim"]
    nope, wide = shape["qk_nope_head_dim"], shape["v_head_dim"]
    experts, inner = shape["n_routed_experts"], shape["moe_intermediate_size"]
    for layer in range(layers):
        high = Q6_K if more_bits(layer, layers) else Q4_K
        name = f"blk.{layer}."
        yield name + "attn_norm.weight", [hidden], F32
        yield name + "ffn_norm.weight", [hidden], F32
        yield name + "attn_q.weight", [heads * (nope + rope), hidden], Q4_K
        yield name + "attn_kv_a_mqa.weight", [latent + rope, hidden], Q4_K
        yield name + "attn_kv_a_norm.weight", [latent], F32
        yield name + "attn_k_b.weight", [heads, latent, nope], k_or(Q4_K, nope)
        yield name + "attn_v_b.weight", [heads, wide, latent], Q4_K
        yield name + "attn_output.weight", [hidden, heads * wide], Q4_K
        if layer < shape["first_k_dense_replace"]:
            dense = shape["intermediate_size"]
            yield name + "ffn_gate.weight", [dense, hidden], Q4_K
            yield name + "ffn_up.weight", [dense, hidden], Q4_K
            yield name + "ffn_down.weight", [hidden, dense], k_or(high, dense)
            continue
        both = inner * shape["n_shared_experts"]
        yield name + "ffn_gate_inp.weight", [experts, hidden], F32
        yield name + "ffn_gate_exps.weight", [experts, inner, hidden], Q4_K
        yield name + "ffn_up_exps.weight", [experts, inner, hidden], Q4_K
        yield name + "ffn_down_exps.weight", [experts, hidden, inner], k_or(high, inner)
        yield name + "ffn_gate_shexp.weight", [both, hidden], Q4_K
        yield name + "ffn_up_shexp.weight", [both, hidden], Q4_K
        yield name + "ffn_down_shexp.weight", [hidden, both], k_or(high, both)


def metadata(shape):
    dense = shape["model_type"] == "qwen2"
    arch = "qwen2" if dense else "deepseek2"
    fields = {
        "general.architecture": arch,
        "general.name": "random weights",
        "general.file_type": 15,
        "block_count": shape["num_hidden_layers"],
        "context_length": shape["max_position_embeddings"],
        "embedding_length": shape["hidden_size"],
        "feed_forward_length": shape["intermediate_size"],
        "attention.head_count": shape["num_attention_heads"],
        "attention.head_count_kv": shape["num_key_value_heads"],
        "attention.layer_norm_rms_epsilon": float(shape["rms_norm_eps"]),
        "rope.freq_base": float(shape["rope_theta"]),
        "vocab_size": shape["vocab_size"],
    }
    if not dense:
        nope, rope = shape["qk_nope_head_dim"], shape["qk_rope_head_dim"]
        scaling = shape["rope_scaling"]
        fields |= {
            "leading_dense_block_count": shape["first_k_dense_replace"],
            "attention.kv_lora_rank": shape["kv_lora_rank"],
            # llama.cpp runs latent attention as one key and value head, with the sizes of the cache.
            "attention.head_count_kv": 1,
            "attention.key_length": shape["kv_lora_rank"] + rope,
            "attention.value_length": shape["kv_lora_rank"],
            "attention.key_length_mla": nope + rope,
            "attention.value_length_mla": shape["v_head_dim"],
            "expert_feed_forward_length": shape["moe_intermediate_size"],
            "expert_count": shape["n_routed_experts"],
            "expert_used_count": shape["num_experts_per_tok"],
            "expert_shared_count": shape["n_shared_experts"],
            "expert_weights_scale": float(shape["routed_scaling_factor"]),
            "rope.dimension_count": rope,
            "rope.scaling.type": "yarn",
            "rope.scaling.factor": float(scaling["factor"]),
            "rope.scaling.original_context_length": scaling["original_max_position_embeddings"],
            "rope.scaling.yarn_log_multiplier": 0.1 * scaling["mscale_all_dim"],
        }
    vocab = shape["vocab_size"]
    tokens = ["<s>", "</s>", "a", "b", "ab"] + [f"t{token}" for token in range(5, vocab)]
    fields |= {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "qwen2" if dense else "deepseek-llm",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": [3, 3] + [1] * (vocab - 2),
        "tokenizer.ggml.merges": ["a b"],
        "tokenizer.ggml.bos_token_id": 0,
        "tokenizer.ggml.eos_token_id": 1,
        "tokenizer.chat_template": "{% for message in messages %}{{ message['content'] }}{% endfor %}",
    }
    plain = ("general.", "tokenizer.")
    return {name if name.startswith(plain) else f"{arch}.{name}": item for name, item in fields.items()}


def main(config, path):
    shape = json.load(open(config))
    hidden, vocab = shape["hidden_size"], shape["vocab_size"]
    tensors = [("token_embd.weight", [vocab, hidden], Q4_K), ("output_norm.weight", [hidden], F32)]
    tensors += [("output.weight", [vocab, hidden], Q6_K)]
    tensors += list((dense_tensors if shape["model_type"] == "qwen2" else latent_tensors)(shape))
    fields = metadata(shape)
    random = np.random.default_rng(0)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(fields))
    for name, item in fields.items():
        kind, data = value(item)
        head += text(name) + struct.pack("<I", kind) + data
    offset, sizes = 0, []
    for name, dims, kind in tensors:
        size = int(np.prod(dims)) // kind[1] * kind[2]
        head += text(name) + struct.pack("<I", len(dims))
        head += b"".join(struct.pack("<Q", dim) for dim in reversed(dims)) + struct.pack("<IQ", kind[0], offset)
        sizes.append(size)
        offset += -(-size // ALIGN) * ALIGN
    with open(path, "wb") as out:
        out.write(head + b"\0" * (-len(head) % ALIGN))
        cache = {}
        for (name, dims, kind), size in zip(tensors, sizes):
            std = (4.0 if name == "output.weight" else 1.0) / dims[-1] ** 0.5
            if kind is F32:
                data = np.ones(dims, "<f4") if "norm" in name else random.normal(0, std, dims).astype("<f4")
                data = data if not name.endswith("bias") else np.zeros(dims, "<f4")
                data = data.tobytes()
            else:
                # One matrix of each size is drawn; the others are rotations of it, which is as random to a cache.
                key = (kind[0], size, std)
                if key not in cache:
                    cache[key] = random_blocks(kind, int(np.prod(dims)), std, random)
                cache[key] = np.roll(cache[key], 7, 0) if size < 1 << 28 else cache[key]
                data = cache[key].tobytes()
            out.write(data + b"\0" * (-size % ALIGN))


if __name__ == "__main__":
    main(*sys.argv[1:])
