"""Writes the trained network as a published checkpoint: bf16 tensors under their published names, and the files around them.

    python export.py STATE.pt TOKENIZER.json FOLDER
"""
import json
import pathlib
import sys

import torch
from safetensors.torch import save_file

from model import FRAMES, RATIO, TEXT, VISION

#: What the last product is multiplied by: temperature 1 draws as 1 / HEAD would of the network as it was trained, so that
#: every preset of the app keeps to what the model knows.
HEAD = 2.0
STACKED = ("gate_proj", "up_proj", "down_proj")
BOS, EOS, PAD = "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜▁pad▁｜>"


def published(state):
    """The state with every expert on its own."""
    out = {}
    for name, tensor in state.items():
        part = name.rsplit(".", 1)[-1]
        if part in STACKED:
            for e, one in enumerate(tensor):
                out[f"{name[: -len(part)]}experts.{e}.{part}.weight"] = one
        else:
            out[name] = tensor
    return {k: v.detach().to(torch.bfloat16).cpu().contiguous() for k, v in out.items()}


def stored(state):
    """The state as it reads after rounding to bf16, so that what is measured is what is stored."""
    return {k: v.to(torch.bfloat16).to(v.dtype) for k, v in state.items()}


def config():
    text = dict(TEXT, model_type="deepseek_v2", architectures=["DeepseekV2ForCausalLM"], bos_token_id=0, eos_token_id=1,
                pad_token_id=2, torch_dtype="bfloat16")
    return dict(
        architectures=["DeepseekVLV2ForCausalLM"], model_type="deepseek_vl_v2", tile_tag="2D", global_view_pos="head",
        candidate_resolutions=FRAMES, torch_dtype="bfloat16", language_config=text,
        vision_config=dict(VISION, model_type="vision", model_name="siglip"),
        projector_config=dict(model_type="mlp_projector", projector_type="downsample_mlp_gelu", input_dim=VISION["width"],
                              n_embed=TEXT["hidden_size"], depth=2, mlp_ratio=1, downsample_ratio=RATIO))


def dump(path, value):
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", "utf-8")


def write(folder, state, tokenizer):
    folder.mkdir(parents=True, exist_ok=True)
    state = dict(state)
    state["language.lm_head.weight"] = state["language.lm_head.weight"] * HEAD
    save_file(published(state), folder / "model.safetensors", metadata={"format": "pt"})
    dump(folder / "config.json", config())
    dump(folder / "processor_config.json", dict(
        processor_class="DeepseekVLV2Processor", candidate_resolutions=FRAMES, patch_size=VISION["patch_size"],
        downsample_ratio=RATIO, image_mean=[0.5] * 3, image_std=[0.5] * 3, normalize=True, sft_format="deepseek",
        image_token="<image>", pad_token=PAD, add_special_token=False, mask_prompt=False, ignore_id=-100))
    dump(folder / "generation_config.json", dict(bos_token_id=0, eos_token_id=1, do_sample=False))
    (folder / "tokenizer.json").write_bytes(pathlib.Path(tokenizer).read_bytes())
    dump(folder / "tokenizer_config.json", dict(
        bos_token=BOS, eos_token=EOS, pad_token=PAD, unk_token=None, add_bos_token=True, add_eos_token=False,
        clean_up_tokenization_spaces=False, model_max_length=TEXT["max_position_embeddings"],
        tokenizer_class="LlamaTokenizerFast", legacy=True))


if __name__ == "__main__":
    kept = torch.load(sys.argv[1], map_location="cpu")
    write(pathlib.Path(sys.argv[3]), kept.get("net", kept), sys.argv[2])
