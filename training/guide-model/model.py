"""The Guide's network: the DeepSeek-V3 architecture at a size a laptop reads in milliseconds.

Module names are the published ones, except that the routed experts of a layer lie stacked in three tensors: all experts
are computed as one wide product and masked by the router, which is faster to train at this size. export.py unstacks them.
"""
import math

import torch
import torch.nn.functional as F
from torch import nn

CONFIG = dict(
    vocab_size=3072, hidden_size=256, intermediate_size=768, moe_intermediate_size=48, num_hidden_layers=5,
    num_nextn_predict_layers=1, num_attention_heads=4, num_key_value_heads=4, n_shared_experts=1, n_routed_experts=32,
    routed_scaling_factor=2.5, kv_lora_rank=128, q_lora_rank=128, qk_rope_head_dim=32, v_head_dim=32,
    qk_nope_head_dim=32, n_group=4, topk_group=2, num_experts_per_tok=4, first_k_dense_replace=1, moe_layer_freq=1,
    norm_topk_prob=True, scoring_func="sigmoid", topk_method="noaux_tc", max_position_embeddings=2048,
    rms_norm_eps=1e-6, rope_theta=10000.0, attention_bias=False, hidden_act="silu", tie_word_embeddings=False,
    rope_scaling=dict(type="yarn", rope_type="yarn", factor=4.0, original_max_position_embeddings=512, beta_fast=32,
                      beta_slow=1, mscale=1.0, mscale_all_dim=1.0),
)
BLOCK, E4M3_MAX = 128, 448.0
ROUND_TO_FP8 = [False]  # the last part of training sees the weights as they will be stored


def block_scales(w):
    """One multiplier for each 128x128 block of the last two dimensions."""
    rows, cols = w.shape[-2:]
    padded = F.pad(w.abs().float(), (0, -cols % BLOCK, 0, -rows % BLOCK))
    r, c = padded.shape[-2] // BLOCK, padded.shape[-1] // BLOCK
    blocks = padded.reshape(*w.shape[:-2], r, BLOCK, c, BLOCK)
    return blocks.amax(dim=(-3, -1)).clamp(min=1e-12) / E4M3_MAX


def spread(scales, w):
    wide = scales.repeat_interleave(BLOCK, -2).repeat_interleave(BLOCK, -1)
    return wide[..., : w.shape[-2], : w.shape[-1]]


def rounded(w):
    scale = spread(block_scales(w), w)
    return (w.float() / scale).to(torch.float8_e4m3fn).float() * scale


def seen(w):
    return w + (rounded(w) - w).detach() if ROUND_TO_FP8[0] else w


class Proj(nn.Linear):
    def __init__(self, i, o):
        super().__init__(i, o, bias=False)

    def forward(self, x):
        return F.linear(x, seen(self.weight))


class RMSNorm(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(n))

    def forward(self, x):
        y = x.float()
        return (y * torch.rsqrt(y.pow(2).mean(-1, keepdim=True) + CONFIG["rms_norm_eps"]) * self.weight).to(x.dtype)


def yarn_table(length, device):
    c, y = CONFIG, CONFIG["rope_scaling"]
    dim, base = c["qk_rope_head_dim"], c["rope_theta"]
    edge = lambda turns: dim * math.log(y["original_max_position_embeddings"] / (turns * 2 * math.pi)) / (2 * math.log(base))
    low, high = max(math.floor(edge(y["beta_fast"])), 0), min(math.ceil(edge(y["beta_slow"])), dim - 1)
    i = torch.arange(dim // 2, dtype=torch.float64)
    plain = base ** (-2 * i / dim)
    ramp = ((i - low) / max(high - low, 0.001)).clamp(0, 1)
    angles = torch.outer(torch.arange(length, dtype=torch.float64), plain / y["factor"] * ramp + plain * (1 - ramp))
    return angles.cos().float().to(device), angles.sin().float().to(device)


def rope(x, table):
    cos, sin = (t[: x.shape[-2]] for t in table)
    a, b = x.float()[..., 0::2], x.float()[..., 1::2]
    return torch.stack((a * cos - b * sin, a * sin + b * cos), -1).flatten(-2).to(x.dtype)


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        c = CONFIG
        self.nh, self.dn, self.dr, self.dv = c["num_attention_heads"], c["qk_nope_head_dim"], c["qk_rope_head_dim"], c["v_head_dim"]
        self.q_a_proj, self.q_a_layernorm = Proj(c["hidden_size"], c["q_lora_rank"]), RMSNorm(c["q_lora_rank"])
        self.q_b_proj = Proj(c["q_lora_rank"], self.nh * (self.dn + self.dr))
        self.kv_a_proj_with_mqa = Proj(c["hidden_size"], c["kv_lora_rank"] + self.dr)
        self.kv_a_layernorm = RMSNorm(c["kv_lora_rank"])
        self.kv_b_proj = Proj(c["kv_lora_rank"], self.nh * (self.dn + self.dv))
        self.o_proj = Proj(self.nh * self.dv, c["hidden_size"])
        y = c["rope_scaling"]
        self.scale = (self.dn + self.dr) ** -0.5 * (0.1 * y["mscale_all_dim"] * math.log(y["factor"]) + 1) ** 2

    def forward(self, x, table):
        b, t, _ = x.shape
        q = self.q_b_proj(self.q_a_layernorm(self.q_a_proj(x))).view(b, t, self.nh, -1).transpose(1, 2)
        latent, k_pe = self.kv_a_proj_with_mqa(x).split([CONFIG["kv_lora_rank"], self.dr], -1)
        kv = self.kv_b_proj(self.kv_a_layernorm(latent)).view(b, t, self.nh, -1).transpose(1, 2)
        k_pe = rope(k_pe[:, None], table).expand(b, self.nh, t, self.dr)
        q = torch.cat((q[..., : self.dn], rope(q[..., self.dn:], table)), -1)
        k, v = torch.cat((kv[..., : self.dn], k_pe), -1), kv[..., self.dn:]
        v = F.pad(v, (0, self.dn + self.dr - self.dv))  # as wide as the keys, which the fastest kernel asks for
        out = F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=self.scale)[..., : self.dv]
        return self.o_proj(out.transpose(1, 2).reshape(b, t, -1))


class MLP(nn.Module):
    def __init__(self, inner):
        super().__init__()
        h = CONFIG["hidden_size"]
        self.gate_proj, self.up_proj, self.down_proj = Proj(h, inner), Proj(h, inner), Proj(inner, h)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Gate(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(CONFIG["n_routed_experts"], CONFIG["hidden_size"]))
        self.register_buffer("e_score_correction_bias", torch.zeros(CONFIG["n_routed_experts"]))

    def forward(self, x):
        """Weights of all experts for each token, zero for those not chosen; and which were chosen."""
        c = CONFIG
        with torch.autocast(x.device.type, enabled=False):
            scores = F.linear(x.float(), self.weight.float()).sigmoid()
        choice = (scores + self.e_score_correction_bias).detach()
        groups = choice.view(-1, c["n_group"], c["n_routed_experts"] // c["n_group"])
        best = groups.topk(2, -1)[0].sum(-1).topk(c["topk_group"], -1)[1]
        kept = torch.zeros(groups.shape[:2], device=x.device, dtype=torch.bool).scatter(1, best, True)
        choice = groups.masked_fill(~kept[..., None], float("-inf")).flatten(1)
        chosen = torch.zeros_like(scores).scatter(1, choice.topk(c["num_experts_per_tok"], -1)[1], 1.0)
        picked = scores * chosen
        return picked / (picked.sum(-1, keepdim=True) + 1e-20) * c["routed_scaling_factor"], chosen


class MoE(nn.Module):
    def __init__(self):
        super().__init__()
        c = CONFIG
        e, i, h = c["n_routed_experts"], c["moe_intermediate_size"], c["hidden_size"]
        self.gate, self.shared_experts = Gate(), MLP(i * c["n_shared_experts"])
        self.gate_proj, self.up_proj = nn.Parameter(torch.empty(e, i, h)), nn.Parameter(torch.empty(e, i, h))
        self.down_proj = nn.Parameter(torch.empty(e, h, i))
        self.register_buffer("load", torch.zeros(e), persistent=False)

    def forward(self, x):
        flat = x.reshape(-1, x.shape[-1])
        weights, chosen = self.gate(flat)
        with torch.no_grad():
            self.load.copy_(chosen.sum(0))
        gate, up = (F.linear(flat, seen(p).flatten(0, 1)) for p in (self.gate_proj, self.up_proj))
        inner = (F.silu(gate) * up).view(len(flat), CONFIG["n_routed_experts"], -1) * weights[..., None].to(gate.dtype)
        out = F.linear(inner.flatten(1), seen(self.down_proj).transpose(0, 1).flatten(1))
        return out.view_as(x) + self.shared_experts(x)


class Layer(nn.Module):
    def __init__(self, index):
        super().__init__()
        h = CONFIG["hidden_size"]
        self.input_layernorm, self.post_attention_layernorm, self.self_attn = RMSNorm(h), RMSNorm(h), Attention()
        self.mlp = MLP(CONFIG["intermediate_size"]) if index < CONFIG["first_k_dense_replace"] else MoE()
        if index == CONFIG["num_hidden_layers"]:  # the multi-token prediction layer
            self.enorm, self.hnorm = RMSNorm(h), RMSNorm(h)
            self.eh_proj, self.shared_head = nn.Linear(2 * h, h, bias=False), nn.Module()
            self.shared_head.norm = RMSNorm(h)

    def forward(self, x, table):
        x = x + F.dropout(self.self_attn(self.input_layernorm(x), table), 0.1, self.training)
        return x + F.dropout(self.mlp(self.post_attention_layernorm(x)), 0.1, self.training)


class Guide(nn.Module):
    def __init__(self):
        super().__init__()
        c = CONFIG
        self.model, self.lm_head = nn.Module(), nn.Linear(c["hidden_size"], c["vocab_size"], bias=False)
        self.model.embed_tokens = nn.Embedding(c["vocab_size"], c["hidden_size"])
        self.model.layers = nn.ModuleList(Layer(i) for i in range(c["num_hidden_layers"] + 1))
        self.model.norm = RMSNorm(c["hidden_size"])
        for name, part in zip(("cos", "sin"), yarn_table(c["max_position_embeddings"], "cpu")):
            self.register_buffer(name, part, persistent=False)
        for p in self.parameters():
            if p.dim() > 1:
                nn.init.normal_(p, std=0.04)

    def moes(self):
        return [layer.mlp for layer in self.model.layers if isinstance(layer.mlp, MoE)]

    def forward(self, ids, draft=False, rows=None):
        """Logits of the next token and, with `draft`, the MTP layer's logits of the one after: row p from t_p+1 and h_p.
        With `rows`, two index tensors, the next token's logits of those places only."""
        table = self.cos, self.sin
        embedded = self.model.embed_tokens(ids)
        x = F.dropout(embedded, 0.1, self.training)
        for layer in self.model.layers[:-1]:
            x = layer(x, table)
        h = self.model.norm(x)
        if rows is not None:
            return self.lm_head(h[rows])
        logits = self.lm_head(h)
        if not draft:
            return logits, None
        m = self.model.layers[-1]
        y = m.eh_proj(torch.cat((m.enorm(embedded[:, 1:]), m.hnorm(h[:, :-1])), -1))
        return logits, self.lm_head(m.shared_head.norm(m(y, table)))
