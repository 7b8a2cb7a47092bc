"""The small vision model's network: the DeepSeek-VL2 architecture at a size that an app can carry.

Module names are the published ones, except that the routed experts of a layer lie stacked in three tensors: all experts
are computed as one wide product and masked by the router, which is faster to train at this size. export.py unstacks them.
"""
import torch
import torch.nn.functional as F
from torch import nn

SIDE = 256
FRAMES = [[256, 256], [512, 256], [256, 512], [512, 512], [768, 512], [512, 768]]
VISION = dict(image_size=SIDE, patch_size=16, width=256, layers=5, heads=4, mlp_ratio=2.75)
TEXT = dict(
    vocab_size=1536, hidden_size=192, intermediate_size=448, moe_intermediate_size=64, num_hidden_layers=6,
    num_attention_heads=4, num_key_value_heads=4, n_shared_experts=1, n_routed_experts=8, num_experts_per_tok=3,
    first_k_dense_replace=1, moe_layer_freq=1, routed_scaling_factor=1.0, norm_topk_prob=False, scoring_func="softmax",
    topk_method="greedy", max_position_embeddings=2048, rms_norm_eps=1e-6, rope_theta=10000.0, attention_bias=False,
    hidden_act="silu", tie_word_embeddings=False, use_mla=False, kv_lora_rank=None, q_lora_rank=None,
    qk_rope_head_dim=0,
)
RATIO = 2
GRID = SIDE // VISION["patch_size"]
ROWS = -(-GRID // RATIO)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        w, inner = VISION["width"], int(VISION["width"] * VISION["mlp_ratio"])
        self.heads = VISION["heads"]
        self.norm1, self.norm2 = nn.LayerNorm(w, eps=1e-6), nn.LayerNorm(w, eps=1e-6)
        self.attn, self.mlp = nn.Module(), nn.Module()
        self.attn.qkv, self.attn.proj = nn.Linear(w, 3 * w), nn.Linear(w, w)
        self.mlp.fc1, self.mlp.fc2 = nn.Linear(w, inner), nn.Linear(inner, w)

    def forward(self, x):
        b, t, w = x.shape
        q, k, v = self.attn.qkv(self.norm1(x)).view(b, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        x = x + self.attn.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, t, w))
        return x + self.mlp.fc2(F.gelu(self.mlp.fc1(self.norm2(x)), approximate="tanh"))


class Siglip(nn.Module):
    def __init__(self):
        super().__init__()
        w, p = VISION["width"], VISION["patch_size"]
        self.patch_embed = nn.Module()
        self.patch_embed.proj = nn.Conv2d(3, w, p, p)
        self.pos_embed = nn.Parameter(torch.zeros(1, GRID * GRID, w))
        self.blocks = nn.ModuleList(Block() for _ in range(VISION["layers"]))
        self.norm = nn.LayerNorm(w, eps=1e-6)

    def forward(self, pixels):
        """pixels [N, 3, side, side] in -1..1 -> [N, patches, width]"""
        n, p = len(pixels), VISION["patch_size"]
        patches = pixels.view(n, 3, GRID, p, GRID, p).permute(0, 2, 4, 1, 3, 5).reshape(n, GRID * GRID, -1)
        x = F.linear(patches, self.patch_embed.proj.weight.flatten(1), self.patch_embed.proj.bias) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        return self.norm(x)


class Projector(nn.Module):
    def __init__(self):
        super().__init__()
        h = TEXT["hidden_size"]
        self.layers = nn.ModuleList([nn.Linear(VISION["width"] * RATIO * RATIO, h), nn.GELU(), nn.Linear(h, h)])

    def forward(self, x):
        """[N, patches, width] -> [N, rows * rows, hidden]: squares of patches, channel by channel"""
        n, _, c = x.shape
        x = x.view(n, ROWS, RATIO, ROWS, RATIO, c).permute(0, 1, 3, 5, 2, 4).reshape(n, ROWS * ROWS, c * RATIO * RATIO)
        for layer in self.layers:
            x = layer(x)
        return x


class RMSNorm(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(n))

    def forward(self, x):
        return F.rms_norm(x.float(), self.weight.shape, self.weight, TEXT["rms_norm_eps"]).to(x.dtype)


def linear(i, o):
    return nn.Linear(i, o, bias=False)


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        h = TEXT["hidden_size"]
        self.heads = TEXT["num_attention_heads"]
        self.q_proj, self.k_proj, self.v_proj, self.o_proj = (linear(h, h) for _ in range(4))

    def forward(self, x, angles, mask):
        b, t, h = x.shape
        q, k, v = (p(x).view(b, t, self.heads, -1).transpose(1, 2) for p in (self.q_proj, self.k_proj, self.v_proj))
        cos, sin = (a[:, None].to(x.dtype) for a in angles)
        turned = lambda y: torch.cat((-y[..., y.shape[-1] // 2:], y[..., : y.shape[-1] // 2]), -1)
        q, k = q * cos + turned(q) * sin, k * cos + turned(k) * sin
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=mask is None)
        return self.o_proj(out.transpose(1, 2).reshape(b, t, h))


class MLP(nn.Module):
    def __init__(self, inner):
        super().__init__()
        h = TEXT["hidden_size"]
        self.gate_proj, self.up_proj, self.down_proj = linear(h, inner), linear(h, inner), linear(inner, h)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class MoE(nn.Module):
    def __init__(self):
        super().__init__()
        e, i, h = TEXT["n_routed_experts"], TEXT["moe_intermediate_size"], TEXT["hidden_size"]
        self.gate = nn.Module()
        self.gate.weight = nn.Parameter(torch.empty(e, h))
        self.shared_experts = MLP(i * TEXT["n_shared_experts"])
        self.gate_proj, self.up_proj = nn.Parameter(torch.empty(e, i, h)), nn.Parameter(torch.empty(e, i, h))
        self.down_proj = nn.Parameter(torch.empty(e, h, i))

    def forward(self, x):
        """Output, and how unevenly the experts are used: 1 when evenly."""
        flat = x.reshape(-1, x.shape[-1])
        with torch.autocast(x.device.type, enabled=False):
            scores = F.linear(flat.float(), self.gate.weight.float()).softmax(-1)
        chosen = torch.zeros_like(scores).scatter(1, scores.topk(TEXT["num_experts_per_tok"], -1)[1], 1.0)
        weights = scores * chosen
        gate, up = (F.linear(flat, p.flatten(0, 1)) for p in (self.gate_proj, self.up_proj))
        inner = (F.silu(gate) * up).view(len(flat), TEXT["n_routed_experts"], -1) * weights[..., None].to(gate.dtype)
        out = F.linear(inner.flatten(1), self.down_proj.transpose(0, 1).flatten(1))
        uneven = (chosen.mean(0) * scores.mean(0)).sum() * TEXT["n_routed_experts"] / TEXT["num_experts_per_tok"]
        return out.view_as(x) + self.shared_experts(x), uneven


class Layer(nn.Module):
    def __init__(self, index):
        super().__init__()
        h = TEXT["hidden_size"]
        self.input_layernorm, self.post_attention_layernorm, self.self_attn = RMSNorm(h), RMSNorm(h), Attention()
        self.dense = index < TEXT["first_k_dense_replace"]
        self.mlp = MLP(TEXT["intermediate_size"]) if self.dense else MoE()

    def forward(self, x, angles, mask):
        x = x + self.self_attn(self.input_layernorm(x), angles, mask)
        y = self.post_attention_layernorm(x)
        if self.dense:
            return x + self.mlp(y), x.new_zeros((), dtype=torch.float32)
        y, uneven = self.mlp(y)
        return x + y, uneven


class Language(nn.Module):
    def __init__(self):
        super().__init__()
        self.model = nn.Module()
        self.model.embed_tokens = nn.Embedding(TEXT["vocab_size"], TEXT["hidden_size"])
        self.model.layers = nn.ModuleList(Layer(i) for i in range(TEXT["num_hidden_layers"]))
        self.model.norm = RMSNorm(TEXT["hidden_size"])
        self.lm_head = linear(TEXT["hidden_size"], TEXT["vocab_size"])


def order(grid):
    """For each place of a picture, which row to take of [tiles * rows * rows, image_newline, view_seperator]. A picture of
    one tile is the same whole and cut, so its only tile is read twice; else the whole comes first."""
    wide, high = grid
    tiles = 1 if grid == (1, 1) else 1 + wide * high
    newline, separator, first = tiles * ROWS * ROWS, tiles * ROWS * ROWS + 1, 0 if tiles == 1 else 1
    out = []
    for row in range(ROWS):
        out += [row * ROWS + i for i in range(ROWS)] + [newline]
    out.append(separator)
    for row in range(high * ROWS):
        for tile in range(wide):
            at = first + row // ROWS * wide + tile
            out += [(at * ROWS + row % ROWS) * ROWS + i for i in range(ROWS)]
        out.append(newline)
    return out


def order_of(grids):
    """The same for several pictures whose tiles lie one behind the other, with the two marks behind them all."""
    total = sum(1 if g == (1, 1) else 1 + g[0] * g[1] for g in grids) * ROWS * ROWS
    out, before = [], 0
    for grid in grids:
        own = (1 if grid == (1, 1) else 1 + grid[0] * grid[1]) * ROWS * ROWS
        out += [before + row if row < own else total + row - own for row in order(grid)]
        before += own
    return out


def waves():
    """[1, patches, width]: sines and cosines of each patch's column, then of its row."""
    at = torch.arange(GRID * GRID)
    frequency = 100.0 ** (-torch.arange(VISION["width"] // 4) / (VISION["width"] // 4))
    turns = [axis[:, None] * frequency for axis in (at % GRID, at // GRID)]
    return torch.cat([f(t) for t in turns for f in (torch.sin, torch.cos)], 1)[None]


class Vision2(nn.Module):
    def __init__(self):
        super().__init__()
        self.vision, self.projector, self.language = Siglip(), Projector(), Language()
        self.image_newline = nn.Parameter(torch.randn(TEXT["hidden_size"]) * 0.5)
        self.view_seperator = nn.Parameter(torch.randn(TEXT["hidden_size"]) * 0.5)
        for name, p in self.named_parameters():
            if p.dim() > 1:
                nn.init.normal_(p, std=0.03)
        with torch.no_grad():  # places begin as waves along both sides: to tell neighbours apart is half of seeing where
            self.vision.pos_embed += waves() * 0.4

    def see(self, tiles, index):
        """uint8 tiles [B, n, side, side, 3] -> rows [B, places, hidden]"""
        b, n = tiles.shape[:2]
        pixels = tiles.flatten(0, 1).permute(0, 3, 1, 2).to(torch.float32) / 127.5 - 1
        rows = self.projector(self.vision(pixels)).view(b, n * ROWS * ROWS, -1)
        marks = torch.stack((self.image_newline, self.view_seperator)).to(rows.dtype).expand(b, 2, -1)
        return torch.cat((rows, marks), 1).index_select(1, index)

    def read(self, ids, rows=None, image=None, positions=None, mask=None):
        """ids [B, T], rows for the places where ids is `image` -> hidden states [B, T, hidden], unevenness"""
        x = self.language.model.embed_tokens(ids)
        if rows is not None:
            here = ids == image
            at = (here.cumsum(1) - 1).clamp(min=0, max=rows.shape[1] - 1)
            x = torch.where(here[..., None], rows.gather(1, at[..., None].expand(-1, -1, rows.shape[-1])).to(x.dtype), x)
        if positions is None:
            positions = torch.arange(ids.shape[1], device=ids.device).expand(ids.shape)
        width = TEXT["hidden_size"] // TEXT["num_attention_heads"]
        frequency = TEXT["rope_theta"] ** (-torch.arange(0, width, 2, device=ids.device).float() / width)
        angle = torch.cat((positions[..., None] * frequency,) * 2, -1)
        angles, uneven = (angle.cos(), angle.sin()), 0.0
        for layer in self.language.model.layers:
            x, more = layer(x, angles, mask)
            uneven = uneven + more
        return self.language.model.norm(x), uneven / (TEXT["num_hidden_layers"] - TEXT["first_k_dense_replace"])

    def head(self, x):
        return self.language.lm_head(x)


if __name__ == "__main__":
    net = Vision2()
    print(sum(p.numel() for p in net.parameters()) / 1e6, {n: sum(p.numel() for p in m.parameters()) / 1e6 for n, m in net.named_children()})
