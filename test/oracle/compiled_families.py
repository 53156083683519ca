"""The table of compiled families: a tiny configuration, the class of transformers, and the type its weights are stored in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import transformers as hf
from sentence_transformers.base.modules import Dense
from sentence_transformers.sentence_transformer.modules import LayerNorm, Normalize, Pooling

from compiled_references import BidirectionalLlama, FlashXlmRoberta, JinaBert, NeoBert, New

VOCAB = 96
SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
TOKENS = {"vocab_size": VOCAB, "num_labels": 1, "max_position_embeddings": 64}
DECODER = {**SIZES, **TOKENS, "num_key_value_heads": 2, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}


@dataclass(frozen=True)
class Compiled:
    """One directory of fixtures/compiled.

    `dtype` is the type of the stored weights; torch computes on the same values widened to float32. `files` splits them.
    `types` says that the model takes token types. A causal model is scored by the logit of the first token of `true_false`,
    less that of the second where there is one. `modules` makes what follows a transformer without head,
    `reference` is a model of compiled_references.py.
    """

    name: str
    config: hf.PretrainedConfig
    seed: int
    dtype: torch.dtype = torch.bfloat16
    files: int = 1
    types: bool = False
    auto: type = hf.AutoModelForSequenceClassification
    true_false: tuple[int, ...] | None = None
    reference: type[torch.nn.Module] | None = None
    modules: Callable[[], list[tuple[str, torch.nn.Module]]] | None = None


def bert(**extra):
    return hf.BertConfig(**{**SIZES, **TOKENS, **extra})


def roberta(cls, **extra):
    return cls(**{**SIZES, **TOKENS, "type_vocab_size": 1, "max_position_embeddings": 66, "layer_norm_eps": 1e-5, **extra})


def distilbert():
    return hf.DistilBertConfig(
        vocab_size=VOCAB, num_labels=1, dim=32, n_layers=2, n_heads=4, hidden_dim=48, max_position_embeddings=64
    )


def albert(**extra):
    return hf.AlbertConfig(**{**SIZES, **TOKENS, "embedding_size": 16, "num_hidden_layers": 3, **extra})


def deberta(**extra):
    settings = {
        "max_position_embeddings": 64,
        "type_vocab_size": 0,
        "relative_attention": True,
        "position_buckets": 8,
        "norm_rel_ebd": "layer_norm",
        "share_att_key": True,
        "pos_att_type": ["p2c", "c2p"],
        "position_biased_input": False,
        "pooler_dropout": 0,
        "pooler_hidden_act": "gelu",
        "pooler_hidden_size": 32,
    }
    return hf.DebertaV2Config(**{**SIZES, **TOKENS, **settings, **extra})


def modernbert(**extra):
    settings = {"local_attention": 12, "global_attn_every_n_layers": 2, "num_hidden_layers": 3, "reference_compile": False}
    tokens = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "cls_token_id": 1, "sep_token_id": 2}
    return hf.ModernBertConfig(**{**SIZES, **TOKENS, **tokens, **settings, **extra})


def decoder(cls, **extra):
    return cls(**{**DECODER, "head_dim": 8, **extra})


LLAMA3 = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 16,
}
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16}
LINEAR = {"rope_type": "linear", "factor": 2.0}
SLIDING = {"sliding_window": 12, "use_sliding_window": True, "max_window_layers": 1}
GEMMA2 = {"query_pre_attn_scalar": 16, "sliding_window": 12, "attn_logit_softcapping": 5.0, "final_logit_softcapping": 3.0}
CAUSAL = {"auto": hf.AutoModelForCausalLM, "true_false": (40, 41)}

def dense(size: int, out: int, activation: torch.nn.Module, **extra) -> Dense:
    return Dense(size, out, activation_function=activation, **extra)


def scores(size: int, labels: int = 1, **extra) -> tuple[str, Dense]:
    return "Dense_scores", dense(size, labels, torch.nn.Identity(), module_output_name="scores", **extra)


def ettin_modules():
    head = dense(32, 32, torch.nn.GELU(), bias=False)
    return [("Pooling", Pooling(32, "cls")), ("Dense", head), ("LayerNorm", LayerNorm(32)), scores(32)]


def mean_modules():
    return [("Pooling", Pooling(32, "mean")), ("Dense", dense(32, 16, torch.nn.Tanh())), scores(16, 2)]


def last_token_modules():
    return [("Pooling", Pooling(32, "lasttoken")), ("Normalize", Normalize()), scores(32, bias=False)]


def all_modes_modules():
    modes = ("cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")
    return [("Pooling", Pooling(32, modes)), ("Dense", dense(192, 16, torch.nn.SiLU())), scores(16)]


def outside(model_type: str, name: str, **extra) -> hf.PretrainedConfig:
    """Gives the configuration of a class that transformers has not."""
    config = hf.PretrainedConfig(**{**SIZES, **TOKENS, "architectures": [name], "layer_norm_eps": 1e-12, **extra})
    config.model_type = model_type
    return config


def bidirectional(**extra) -> hf.PretrainedConfig:
    config = decoder(hf.LlamaConfig, architectures=["LlamaBidirectionalForSequenceClassification"], **extra)
    config.model_type = "llama_bidirec"
    config._attn_implementation = "eager"
    return config


NEW = {
    "type_vocab_size": 1,
    "rope_theta": 20000,
    "rope_scaling": {"type": "ntk", "factor": 8.0},
    "pack_qkv": True,
    "position_embedding_type": "rope",
    "hidden_act": "gelu",
    "logn_attention_scale": False,
    "layer_norm_type": "layer_norm",
}
NEW_MIXED = {**NEW, "type_vocab_size": 2, "pack_qkv": False, "rope_scaling": {"type": "ntk", "factor": 4.0, "mixed_b": 0.75}}
JINA = {"type_vocab_size": 2, "position_embedding_type": "alibi", "feed_forward_type": "geglu", "hidden_act": "gelu", "later": False}
JINA_LATER = {**JINA, "feed_forward_type": "reglu", "num_attention_heads": 6, "hidden_size": 48, "later": True}
FLASH = {"type_vocab_size": 1, "max_position_embeddings": 66, "pad_token_id": 1, "layer_norm_eps": 1e-5, "hidden_act": "gelu"}
BASE = {"auto": hf.AutoModel}

FAMILIES = [
    Compiled("bert", bert(), 1, torch.float32, types=True),
    Compiled("bert-three-labels", bert(num_labels=3, hidden_act="gelu_new"), 2, types=True),
    Compiled("bert-sharded", bert(num_hidden_layers=3, hidden_act="relu"), 3, torch.float16, files=3, types=True),
    Compiled("roberta", roberta(hf.RobertaConfig), 4),
    Compiled("xlm-roberta", roberta(hf.XLMRobertaConfig), 5, torch.float16),
    Compiled("camembert", roberta(hf.CamembertConfig), 6),
    Compiled("electra", hf.ElectraConfig(**{**SIZES, **TOKENS, "embedding_size": 16}), 7, types=True),
    Compiled("distilbert", distilbert(), 8),
    Compiled("mpnet", hf.MPNetConfig(**{**SIZES, **TOKENS, "max_position_embeddings": 66, "relative_attention_num_buckets": 32}), 9),
    Compiled("albert", albert(), 10, torch.float32, types=True),
    Compiled("albert-groups", albert(num_hidden_groups=2, num_hidden_layers=4, inner_group_num=2), 61, types=True),
    Compiled("deberta-v3", deberta(), 12, torch.float32),
    Compiled("deberta-v2-own-keys", deberta(share_att_key=False, type_vocab_size=2, position_biased_input=True), 13, types=True),
    Compiled("deberta-v2-no-buckets", deberta(position_buckets=-1, norm_rel_ebd="none", pos_att_type=["c2p"]), 14),
    Compiled("modernbert", modernbert(classifier_pooling="cls"), 15, torch.float32),
    Compiled("modernbert-mean", modernbert(classifier_pooling="mean", global_attn_every_n_layers=3), 16),
    Compiled("llama", decoder(hf.LlamaConfig), 20, torch.float32),
    Compiled("llama-biases-llama3", decoder(hf.LlamaConfig, attention_bias=True, mlp_bias=True, rope_scaling=LLAMA3), 21),
    Compiled("llama-no-padding-linear", decoder(hf.LlamaConfig, pad_token_id=None, rope_scaling=LINEAR), 22),
    Compiled("mistral", decoder(hf.MistralConfig, sliding_window=12), 23),
    Compiled("qwen2", decoder(hf.Qwen2Config), 24),
    Compiled("qwen2-sliding", decoder(hf.Qwen2Config, num_labels=2, **SLIDING), 25),
    Compiled("qwen3", decoder(hf.Qwen3Config, head_dim=16), 26),
    Compiled("qwen3-yarn", decoder(hf.Qwen3Config, rope_scaling=YARN), 27, torch.float16),
    Compiled("gemma", decoder(hf.GemmaConfig, num_key_value_heads=1), 28),
    Compiled("gemma2", decoder(hf.Gemma2Config, **GEMMA2), 29),
    Compiled("qwen3-causal", decoder(hf.Qwen3Config, tie_word_embeddings=True), 30, **CAUSAL),
    Compiled("qwen2-causal-sharded", decoder(hf.Qwen2Config), 31, files=2, **CAUSAL),
    Compiled("gemma2-causal", decoder(hf.Gemma2Config, **GEMMA2), 32, **CAUSAL),
    Compiled("llama-causal-one-token", decoder(hf.LlamaConfig), 33, auto=hf.AutoModelForCausalLM, true_false=(40,)),
    Compiled("ettin-modules", modernbert(), 40, torch.float32, modules=ettin_modules, **BASE),
    Compiled("mean-modules", roberta(hf.XLMRobertaConfig), 71, modules=mean_modules, **BASE),
    Compiled("last-token-modules", decoder(hf.Qwen3Config), 42, modules=last_token_modules, **BASE),
    Compiled("all-modes-modules", bert(), 43, types=True, modules=all_modes_modules, **BASE),
    Compiled("gte-new", outside("new", "NewForSequenceClassification", **NEW), 50, torch.float16, reference=New),
    Compiled("gte-new-mixed", outside("new", "NewForSequenceClassification", **NEW_MIXED), 51, types=True, reference=New),
    Compiled("jina-bert", outside("bert", "JinaBertForSequenceClassification", **JINA), 52, types=True, reference=JinaBert),
    Compiled("jina-bert-later", outside("bert", "JinaBertForSequenceClassification", **JINA_LATER), 53, types=True, reference=JinaBert),
    Compiled("xlm-roberta-flash", outside("xlm-roberta", "XLMRobertaForSequenceClassification", **FLASH), 54, reference=FlashXlmRoberta),
    Compiled("llama-bidirectional", bidirectional(pooling="avg", temperature=0.5), 55, reference=BidirectionalLlama),
    Compiled("llama-bidirectional-last", bidirectional(pooling="last", temperature=1.0), 56, reference=BidirectionalLlama),
    Compiled("neobert", outside("neobert", "NeoBERTForSequenceClassification", norm_eps=1e-5), 57, reference=NeoBert),
]
