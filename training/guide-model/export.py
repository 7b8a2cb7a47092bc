"""Writes the trained network as a published checkpoint: FP8 blocks with their multipliers, and the files around them."""
import json

import torch
from safetensors.torch import save_file

from model import CONFIG, block_scales, spread

FULL_PRECISION = ("embed_tokens", "norm", "mlp.gate.", "lm_head", "shared_head", "eh_proj")
TEMPLATE = (
    "{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}"
    "{% set ns = namespace(system='') %}{% for m in messages %}{% if m['role'] == 'system' %}"
    "{% set ns.system = ns.system + m['content'] %}{% endif %}{% endfor %}{{ bos_token }}{{ ns.system }}"
    "{% for m in messages %}{% if m['role'] == 'user' %}{{ '<｜User｜>' + m['content'] }}"
    "{% elif m['role'] == 'assistant' %}{% set content = m['content'] %}{% if '</think>' in content %}"
    "{% set content = content.split('</think>')[-1] %}{% endif %}"
    "{{ '<｜Assistant｜>' + content + '<｜end▁of▁sentence｜>' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<｜Assistant｜>' }}{% endif %}"
)


def published(net):
    """The state under published names, still in float32."""
    out = {}
    for name, tensor in net.state_dict().items():
        part = name.rsplit(".", 1)[-1]
        if part in ("gate_proj", "up_proj", "down_proj"):
            for e, one in enumerate(tensor):
                out[f"{name[: -len(part)]}experts.{e}.{part}.weight"] = one
        else:
            out[name] = tensor
    last = f"model.layers.{CONFIG['num_hidden_layers']}."
    out[last + "embed_tokens.weight"] = out["model.embed_tokens.weight"]
    out[last + "shared_head.head.weight"] = out["lm_head.weight"]
    return {k: v.detach().float().cpu().contiguous() for k, v in out.items()}


def stored(net):
    out = {}
    for name, w in published(net).items():
        if name.endswith("e_score_correction_bias"):
            out[name] = w
        elif any(part in name for part in FULL_PRECISION):
            out[name] = w.to(torch.bfloat16)
        else:
            scales = block_scales(w)
            out[name] = (w / spread(scales, w)).to(torch.float8_e4m3fn)
            out[name + "_scale_inv"] = scales
    return out


def dequantised(tensors):
    return {k: v.float() * spread(tensors[k + "_scale_inv"], v) if k + "_scale_inv" in tensors else v.float()
            for k, v in tensors.items() if not k.endswith("_scale_inv")}


def put_back(net, tensors):
    """Loads the rounded weights, so that what is measured is what is stored."""
    plain, state = dequantised(tensors), net.state_dict()
    for name in state:
        part = name.rsplit(".", 1)[-1]
        if part in ("gate_proj", "up_proj", "down_proj"):
            stem = name[: -len(part)]
            state[name] = torch.stack([plain[f"{stem}experts.{e}.{part}.weight"] for e in range(CONFIG["n_routed_experts"])])
        else:
            state[name] = plain[name]
    net.load_state_dict(state)


def dump(path, value):
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", "utf-8")


def config(quantised=True):
    value = dict(architectures=["DeepseekV3ForCausalLM"], model_type="deepseek_v3", bos_token_id=0, eos_token_id=1,
                 pad_token_id=2, torch_dtype="bfloat16", ep_size=1, attention_dropout=0.0, initializer_range=0.02,
                 rope_interleave=True, use_cache=True, **CONFIG)
    if quantised:
        value["quantization_config"] = dict(quant_method="fp8", fmt="e4m3", activation_scheme="dynamic",
                                            weight_block_size=[128, 128])
    return value


def write(folder, net, tokenizer):
    tensors = stored(net)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    dump(folder / "config.json", config())
    dump(folder / "generation_config.json", dict(bos_token_id=0, eos_token_id=1, do_sample=True, temperature=0.3, top_p=0.9))
    tokenizer.save(str(folder / "tokenizer.json"))
    dump(folder / "tokenizer_config.json", dict(
        add_bos_token=False, add_eos_token=False, bos_token="<｜begin▁of▁sentence｜>", eos_token="<｜end▁of▁sentence｜>",
        pad_token="<｜▁pad▁｜>", clean_up_tokenization_spaces=False, model_max_length=CONFIG["max_position_embeddings"],
        tokenizer_class="PreTrainedTokenizerFast", chat_template=TEMPLATE))
    return tensors
