"""Models whose code lies outside transformers, written down again from their equations and names of weights.

They stand in for gte's `new`, Jina's BERT (both layouts), flash attention's XLM-RoBERTa, NeoBERT and NVIDIA's bidirectional Llama.
"""

from __future__ import annotations

import math
from types import SimpleNamespace

import torch
import torch.nn.functional as F
from torch import nn
from transformers import LlamaModel, PretrainedConfig
from transformers.activations import ACT2FN


def attend(query, key, value, heads: int, mask, bias=0.0, turn=None):
    """Gives softmax(q k / sqrt(size) + bias) v for `[batch, length, hidden]`; `turn` is applied to queries and keys."""
    batch, length, hidden = query.shape
    apart = [part.view(batch, length, heads, -1).transpose(1, 2) for part in (query, key, value)]
    if turn is not None:
        apart[:2] = [turn(part) for part in apart[:2]]
    scores = apart[0] @ apart[1].transpose(-1, -2) / math.sqrt(hidden // heads) + bias
    scores = scores.masked_fill(mask[:, None, None, :] == 0, torch.finfo(torch.float32).min)
    return (scores.softmax(-1) @ apart[2]).transpose(1, 2).reshape(batch, length, hidden)


class Names(nn.Module):
    """A module whose parts are given by name."""

    def __init__(own, /, **parts: nn.Module):  # a part may be called self
        nn.Module.__init__(own)
        for name, part in parts.items():
            own.add_module(name, part)


class Pooled(nn.Module):
    """Dense and tanh over the first token, then the labels, as BERT's classifier."""

    def __init__(self, config: PretrainedConfig):
        super().__init__()
        self.config = config
        self.classifier = nn.Linear(config.hidden_size, config.num_labels)

    def logits(self, states, pooler):
        return SimpleNamespace(logits=self.classifier(torch.tanh(pooler.dense(states[:, 0]))))


class New(Pooled):
    def __init__(self, config: PretrainedConfig):
        super().__init__(config)
        hidden, inner = config.hidden_size, config.intermediate_size
        self.new = Names(
            embeddings=Names(word_embeddings=nn.Embedding(config.vocab_size, hidden), LayerNorm=nn.LayerNorm(hidden, eps=1e-12)),
            encoder=Names(layer=nn.ModuleList([self.layer(hidden, inner) for _ in range(config.num_hidden_layers)])),
            pooler=Names(dense=nn.Linear(hidden, hidden)),
        )
        if config.type_vocab_size > 0:
            self.new.embeddings.token_type_embeddings = nn.Embedding(config.type_vocab_size, hidden)

    def layer(self, hidden: int, inner: int) -> nn.Module:
        if self.config.pack_qkv:
            projections = {"qkv_proj": nn.Linear(hidden, 3 * hidden)}
        else:
            projections = {f"{each}_proj": nn.Linear(hidden, hidden) for each in "qkv"}
        return Names(
            attention=Names(**projections, o_proj=nn.Linear(hidden, hidden)),
            mlp=Names(up_gate_proj=nn.Linear(hidden, 2 * inner, bias=False), down_proj=nn.Linear(inner, hidden)),
            attn_ln=nn.LayerNorm(hidden, eps=1e-12),
            mlp_ln=nn.LayerNorm(hidden, eps=1e-12),
        )

    def turn(self, states):
        """Turns the first half of a head with the second, NTK-scaled."""
        config, size = self.config, states.shape[-1]
        scaling = config.rope_scaling or {"factor": 1.0}
        factor, mixed = scaling["factor"], scaling.get("mixed_b")
        base = config.rope_theta * (factor if mixed is None else 1)
        inverse = 1.0 / (base ** (torch.arange(0, size, 2).float() / size))
        if mixed is None:
            inverse = inverse / factor ** (2 / size)
        else:
            slope = torch.tensor(factor).log() / (size / 2) ** mixed
            inverse = inverse / (slope * torch.arange(1, size // 2 + 1).float() ** mixed).exp()
        angles = torch.outer(torch.arange(states.shape[-2]).float(), inverse)
        first, second = states.chunk(2, dim=-1)
        cos, sin = angles.cos(), angles.sin()
        return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)

    def forward(self, input_ids, attention_mask, token_type_ids=None):
        config, parts = self.config, self.new
        states = parts.embeddings.word_embeddings(input_ids)
        if config.type_vocab_size > 0:
            types = torch.zeros_like(input_ids) if token_type_ids is None else token_type_ids
            states = states + parts.embeddings.token_type_embeddings(types)
        states = parts.embeddings.LayerNorm(states)
        for layer in parts.encoder.layer:
            own = layer.attention
            if config.pack_qkv:
                packed = own.qkv_proj(states).chunk(3, dim=-1)
            else:
                packed = [own.q_proj(states), own.k_proj(states), own.v_proj(states)]
            context = attend(*packed, config.num_attention_heads, attention_mask, turn=self.turn)
            states = layer.attn_ln(states + own.o_proj(context))
            up, gate = layer.mlp.up_gate_proj(states).chunk(2, dim=-1)
            states = layer.mlp_ln(states + layer.mlp.down_proj(up * ACT2FN[config.hidden_act](gate)))
        return self.logits(states, parts.pooler)


def alibi_slopes(heads: int) -> list[float]:
    power = 2 ** math.floor(math.log2(heads))
    slopes = [2 ** (-8 * (i + 1) / power) for i in range(power)]
    return slopes if power == heads else slopes + alibi_slopes(2 * power)[0::2][: heads - power]


class JinaBert(Pooled):
    def __init__(self, config: PretrainedConfig):
        super().__init__(config)
        hidden = config.hidden_size
        self.bert = Names(
            embeddings=Names(
                word_embeddings=nn.Embedding(config.vocab_size, hidden),
                token_type_embeddings=nn.Embedding(config.type_vocab_size, hidden),
                LayerNorm=nn.LayerNorm(hidden, eps=1e-12),
            ),
            encoder=Names(layer=nn.ModuleList([self.layer() for _ in range(config.num_hidden_layers)])),
            pooler=Names(dense=nn.Linear(hidden, hidden)),
        )

    def layer(self) -> nn.Module:
        config = self.config
        hidden, inner = config.hidden_size, config.intermediate_size
        norms = {name: nn.LayerNorm(hidden, eps=1e-12) for name in ("layer_norm_q", "layer_norm_k", "layer_norm_1", "layer_norm_2")}
        projections = {name: nn.Linear(hidden, hidden) for name in ("query", "key", "value")}
        output = Names(dense=nn.Linear(hidden, hidden), LayerNorm=nn.LayerNorm(hidden, eps=1e-12))
        if config.later:
            inside = Names(**projections, layer_norm_q=norms["layer_norm_q"], layer_norm_k=norms["layer_norm_k"])
            mlp = Names(up_gated_layer=nn.Linear(hidden, 2 * inner, bias=False), down_layer=nn.Linear(inner, hidden))
            attention = Names(self=inside, output=output)
            return Names(attention=attention, mlp=mlp, layer_norm_1=norms["layer_norm_1"], layer_norm_2=norms["layer_norm_2"])
        mlp = Names(
            gated_layers=nn.Linear(hidden, 2 * inner, bias=False), wo=nn.Linear(inner, hidden), layernorm=nn.LayerNorm(hidden, eps=1e-12)
        )
        return Names(attention=Names(self=Names(**projections), output=output), mlp=mlp)

    def forward(self, input_ids, attention_mask, token_type_ids):
        config, parts = self.config, self.bert
        places = torch.arange(input_ids.shape[1])
        slopes = torch.tensor(alibi_slopes(config.num_attention_heads))
        bias = -slopes[:, None, None] * (places[:, None] - places[None, :]).abs()
        gate = F.relu if config.feed_forward_type == "reglu" else F.gelu
        states = parts.embeddings.word_embeddings(input_ids) + parts.embeddings.token_type_embeddings(token_type_ids)
        states = parts.embeddings.LayerNorm(states)
        for layer in parts.encoder.layer:
            own = getattr(layer.attention, "self")
            query, key, value = own.query(states), own.key(states), own.value(states)
            if config.later:
                query, key = own.layer_norm_q(query), own.layer_norm_k(key)
            context = attend(query, key, value, config.num_attention_heads, attention_mask, bias)
            attended = layer.attention.output.LayerNorm(layer.attention.output.dense(context) + states)
            if config.later:
                states = layer.layer_norm_1(states + attended)
                up, gated = layer.mlp.up_gated_layer(states).chunk(2, dim=-1)
                states = layer.layer_norm_2(states + layer.mlp.down_layer(up * gate(gated)))
            else:
                gated, up = layer.mlp.gated_layers(attended).chunk(2, dim=-1)
                states = layer.mlp.layernorm(attended + layer.mlp.wo(gate(gated) * up))
        return self.logits(states, parts.pooler)


class FlashXlmRoberta(nn.Module):
    def __init__(self, config: PretrainedConfig):
        super().__init__()
        self.config = config
        hidden, inner, eps = config.hidden_size, config.intermediate_size, config.layer_norm_eps
        layer = lambda: Names(
            mixer=Names(Wqkv=nn.Linear(hidden, 3 * hidden), out_proj=nn.Linear(hidden, hidden)),
            norm1=nn.LayerNorm(hidden, eps=eps),
            mlp=Names(fc1=nn.Linear(hidden, inner), fc2=nn.Linear(inner, hidden)),
            norm2=nn.LayerNorm(hidden, eps=eps),
        )
        self.roberta = Names(
            embeddings=Names(
                word_embeddings=nn.Embedding(config.vocab_size, hidden),
                position_embeddings=nn.Embedding(config.max_position_embeddings, hidden),
                token_type_embeddings=nn.Embedding(config.type_vocab_size, hidden),
            ),
            emb_ln=nn.LayerNorm(hidden, eps=eps),
            encoder=Names(layers=nn.ModuleList([layer() for _ in range(config.num_hidden_layers)])),
        )
        self.classifier = Names(dense=nn.Linear(hidden, hidden), out_proj=nn.Linear(hidden, config.num_labels))

    def forward(self, input_ids, attention_mask):
        config, parts = self.config, self.roberta
        kept = (input_ids != config.pad_token_id).long()
        places = kept.cumsum(1) * kept + config.pad_token_id
        embeddings = parts.embeddings
        states = embeddings.word_embeddings(input_ids) + embeddings.position_embeddings(places)
        states = parts.emb_ln(states + embeddings.token_type_embeddings(torch.zeros_like(input_ids)))
        for layer in parts.encoder.layers:
            packed = layer.mixer.Wqkv(states).chunk(3, dim=-1)
            context = attend(*packed, config.num_attention_heads, attention_mask)
            states = layer.norm1(states + layer.mixer.out_proj(context))
            states = layer.norm2(states + layer.mlp.fc2(F.gelu(layer.mlp.fc1(states))))
        return SimpleNamespace(logits=self.classifier.out_proj(torch.tanh(self.classifier.dense(states[:, 0]))))


class RootMeanSquare(nn.Module):
    def __init__(self, size: int, eps: float):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, states):
        return states / (states.pow(2).mean(-1, keepdim=True) + self.eps).sqrt() * self.weight


class NeoBert(nn.Module):
    def __init__(self, config: PretrainedConfig):
        super().__init__()
        self.config = config
        hidden, eps = config.hidden_size, config.norm_eps
        inner = 8 * math.ceil(int(2 * config.intermediate_size / 3) / 8)
        layer = lambda: Names(
            qkv=nn.Linear(hidden, 3 * hidden, bias=False),
            wo=nn.Linear(hidden, hidden, bias=False),
            ffn=Names(w12=nn.Linear(hidden, 2 * inner, bias=False), w3=nn.Linear(inner, hidden, bias=False)),
            attention_norm=RootMeanSquare(hidden, eps),
            ffn_norm=RootMeanSquare(hidden, eps),
        )
        self.model = Names(
            encoder=nn.Embedding(config.vocab_size, hidden),
            transformer_encoder=nn.ModuleList([layer() for _ in range(config.num_hidden_layers)]),
            layer_norm=RootMeanSquare(hidden, eps),
        )
        self.dense = nn.Linear(hidden, hidden)
        self.classifier = nn.Linear(hidden, config.num_labels)

    def turn(self, states):
        """Turns neighbours together, as complex numbers."""
        size = states.shape[-1]
        inverse = 1.0 / (10000.0 ** (torch.arange(0, size, 2).float() / size))
        angles = torch.outer(torch.arange(states.shape[-2]).float(), inverse)
        pairs = torch.view_as_complex(states.reshape(*states.shape[:-1], -1, 2).contiguous())
        return torch.view_as_real(pairs * torch.polar(torch.ones_like(angles), angles)).flatten(-2)

    def forward(self, input_ids, attention_mask):
        heads = self.config.num_attention_heads
        states = self.model.encoder(input_ids)
        for layer in self.model.transformer_encoder:
            packed = layer.qkv(layer.attention_norm(states))
            parts = packed.view(*packed.shape[:2], heads, -1).chunk(3, dim=-1)
            context = attend(*[part.flatten(2) for part in parts], heads, attention_mask, turn=self.turn)
            states = states + layer.wo(context)
            gate, up = layer.ffn.w12(layer.ffn_norm(states)).chunk(2, dim=-1)
            states = states + layer.ffn.w3(F.silu(gate) * up)
        first = self.model.layer_norm(states)[:, 0]
        return SimpleNamespace(logits=self.classifier(torch.tanh(self.dense(first))))


class BidirectionalLlama(nn.Module):
    """transformers' Llama without its causal mask: every layer is given one that hides nothing."""

    def __init__(self, config: PretrainedConfig):
        super().__init__()
        self.config = config
        self.model = LlamaModel(config)
        self.score = nn.Linear(config.hidden_size, config.num_labels, bias=False)

    def forward(self, input_ids, attention_mask):
        assert bool(attention_mask.all())
        nothing = torch.zeros(1, 1, input_ids.shape[1], input_ids.shape[1])
        states = self.model(input_ids, attention_mask=nothing).last_hidden_state
        pooled = states.mean(dim=1) if self.config.pooling == "avg" else states[:, -1]
        return SimpleNamespace(logits=self.score(pooled) / self.config.temperature)
