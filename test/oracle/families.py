"""The table of model families: tokenizer, tiny configuration, where the weights lie and which files go beside them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import transformers as hf

import tokenizers_train as train

HIDDEN = 16
SMALL = {"hidden_size": HIDDEN, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
MEDIUM = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}


@dataclass(frozen=True)
class Family:
    """One model directory and its fixture.

    `lines` names the mix of training lines; `graph` changes the exported ONNX graph; `files` are JSON files
    written beside the model; `config` overrides keys of config.json after the export; `rewrite` changes
    tokenizer.json in place; `tokenizer_config` and `drop` set and remove keys of tokenizer_config.json.
    """

    name: str
    tokenizer: Callable
    model_config: Callable[[object], hf.PretrainedConfig]
    seed: int
    lines: str = "mixed"
    onnx_path: str = "model.onnx"
    graph: str | None = None
    full: bool = True
    config: dict = field(default_factory=dict)
    files: dict[str, object] = field(default_factory=dict)
    rewrite: Callable[[dict], None] | None = None
    tokenizer_config: dict = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    usable_length: int | None = None
    pair_template: dict | None = None


def bert_config(tokenizer, labels=1, **extra):
    return hf.BertConfig(vocab_size=len(tokenizer), num_labels=labels, **SMALL, **extra)


def short_bert_config(tokenizer, **extra):
    return bert_config(tokenizer, max_position_embeddings=128, **extra)


def distilbert_config(tokenizer):
    return hf.DistilBertConfig(
        vocab_size=len(tokenizer), num_labels=1, dim=HIDDEN, n_layers=2, n_heads=2, hidden_dim=32
    )


def electra_config(tokenizer):
    return hf.ElectraConfig(vocab_size=len(tokenizer), num_labels=1, embedding_size=16, **MEDIUM)


def albert_config(tokenizer):
    return hf.AlbertConfig(
        vocab_size=len(tokenizer), num_labels=1, embedding_size=16, pad_token_id=0, bos_token_id=2, eos_token_id=3, **SMALL
    )


def mpnet_config(tokenizer):
    return hf.MPNetConfig(vocab_size=len(tokenizer), num_labels=1, max_position_embeddings=514, **SMALL)


def roberta_config(tokenizer, cls=hf.RobertaConfig):
    return cls(
        vocab_size=len(tokenizer), num_labels=1, max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5, **SMALL
    )


def deberta_config(tokenizer):
    return hf.DebertaV2Config(
        vocab_size=len(tokenizer),
        num_labels=1,
        max_position_embeddings=512,
        type_vocab_size=0,
        relative_attention=True,
        position_buckets=32,
        norm_rel_ebd="layer_norm",
        share_att_key=True,
        pos_att_type=["p2c", "c2p"],
        position_biased_input=False,
        pooler_dropout=0,
        pooler_hidden_act="gelu",
        pooler_hidden_size=HIDDEN,
        **SMALL,
    )


def modernbert_config(tokenizer):
    return hf.ModernBertConfig(
        vocab_size=len(tokenizer),
        num_labels=1,
        max_position_embeddings=1024,
        local_attention=16,
        global_attn_every_n_layers=2,
        classifier_pooling="mean",
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.cls_token_id,
        eos_token_id=tokenizer.sep_token_id,
        cls_token_id=tokenizer.cls_token_id,
        sep_token_id=tokenizer.sep_token_id,
        reference_compile=False,
        **SMALL,
    )


def qwen3_config(tokenizer):
    return hf.Qwen3Config(
        vocab_size=len(tokenizer),
        num_labels=1,
        max_position_embeddings=512,
        head_dim=8,
        num_key_value_heads=1,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
        tie_word_embeddings=False,
        use_cache=False,
        **SMALL,
    )


INSTRUCTION = "Given a web search query, retrieve relevant passages that answer the query"
QWEN_TEMPLATE = {
    "instruction": INSTRUCTION,
    "prefix": '<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct '
    'provided. Note that the answer can only be "yes" or "no".<|im_end|>\n<|im_start|>user\n'
    f"<Instruct>: {INSTRUCTION}\n<Query>:",
    "query_prefix": " ",
    "query_suffix": "\n",
    "separator": "<Document>:",
    "document_prefix": " ",
    "document_suffix": "",
    "suffix": "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n",
}

TRANSFORMER_MODULE = [
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.base.modules.transformer.Transformer"}
]
SBERT_CONFIG = {
    "transformer_task": "sequence-classification",
    "modality_config": {"text": {"method": "forward", "method_output_name": "logits"}},
    "module_output_name": "scores",
}
ST_CONFIG = {
    "__version__": {"sentence_transformers": "5.4.0", "transformers": "4.57.6", "pytorch": "2.9.1"},
    "activation_fn": "torch.nn.modules.activation.Tanh",
    "default_prompt_name": "query",
    "model_type": "CrossEncoder",
    "prompts": {"query": "Search query: ", "classification": "Classify the pair.\n", "empty": ""},
}

small_bert = partial(train.train_bert, vocab=600, alphabet=220)
small_cased = partial(train.train_bert, vocab=700, alphabet=220, lowercase=False)
NLI_LABELS = ["contradiction", "entailment", "neutral"]

FAMILIES = [
    Family("bert", train.train_bert, bert_config, 101),
    Family(
        "bert-cased-zh",
        partial(train.train_bert, vocab=1600, alphabet=1100, lowercase=False, processing="bert"),
        bert_config,
        102,
        lines="chinese",
    ),
    Family("distilbert", partial(train.train_bert, vocab=900, kind="distilbert"), distilbert_config, 103),
    Family(
        "electra",
        partial(train.train_bert, vocab=1000, kind="electra"),
        electra_config,
        104,
        onnx_path="onnx/model.onnx",
        rewrite=train.stored_truncation,
    ),
    Family("albert", train.train_albert, albert_config, 105),
    Family("mpnet", train.train_mpnet, mpnet_config, 106),
    Family("roberta", train.train_roberta, roberta_config, 107, onnx_path="onnx/model.onnx"),
    Family(
        "roberta-nomax",
        partial(train.train_roberta, vocab=600, max_length=None),
        roberta_config,
        108,
        full=False,
        drop=("model_max_length",),
        rewrite=train.old_merges,
        usable_length=512,
    ),
    Family("xlmr", train.train_xlmr, partial(roberta_config, cls=hf.XLMRobertaConfig), 109),
    Family("xlmr-legacy", train.train_xlmr, partial(roberta_config, cls=hf.XLMRobertaConfig), 124, rewrite=train.old_unigram),
    Family("deberta-v2", train.train_deberta, deberta_config, 110),
    Family("modernbert", train.train_modernbert, modernbert_config, 111),
    Family("pair-template", partial(train.train_qwen, template=QWEN_TEMPLATE), qwen3_config, 112, pair_template=QWEN_TEMPLATE),
    Family(
        "nli-3label",
        small_bert,
        partial(
            short_bert_config,
            labels=3,
            id2label=dict(enumerate(NLI_LABELS)),
            label2id={label: index for index, label in enumerate(NLI_LABELS)},
        ),
        113,
        full=False,
    ),
    Family(
        "identity-activation",
        small_bert,
        short_bert_config,
        114,
        full=False,
        config={"sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity", "version": "4.1.0"}},
    ),
    Family(
        "legacy-activation",
        small_bert,
        short_bert_config,
        115,
        full=False,
        config={"sbert_ce_default_activation_function": "torch.nn.modules.activation.Tanh"},
    ),
    Family(
        "untrusted-activation",
        small_bert,
        short_bert_config,
        116,
        full=False,
        config={"sentence_transformers": {"activation_fn": "my_package.activations.Scaled", "version": "4.1.0"}},
    ),
    Family(
        "st-config-activation",
        small_bert,
        short_bert_config,
        117,
        full=False,
        config={"sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity", "version": "5.4.0"}},
        files={
            "modules.json": TRANSFORMER_MODULE,
            "sentence_bert_config.json": SBERT_CONFIG,
            "config_sentence_transformers.json": ST_CONFIG,
        },
    ),
    Family(
        "st-config-alone",  # without modules.json
        small_bert,
        short_bert_config,
        118,
        full=False,
        files={"config_sentence_transformers.json": ST_CONFIG},
    ),
    Family(
        "lowercase-sbert",
        small_cased,
        short_bert_config,
        119,
        full=False,
        files={
            "modules.json": TRANSFORMER_MODULE,
            "sentence_bert_config.json": {**SBERT_CONFIG, "do_lower_case": True, "max_seq_length": 48},
            "config_sentence_transformers.json": {"model_type": "CrossEncoder", "prompts": {}, "__version__": {}},
        },
    ),
    Family(
        "lowercase-sbert-alone",  # without modules.json
        small_cased,
        short_bert_config,
        120,
        full=False,
        files={"sentence_bert_config.json": {"do_lower_case": True, "max_seq_length": 48}},
    ),
    Family(
        "left-truncation", small_bert, short_bert_config, 125, full=False, tokenizer_config={"truncation_side": "left"}
    ),
    Family("external-data", small_bert, short_bert_config, 121, full=False, graph="external"),
    Family("int32-inputs", small_bert, short_bert_config, 122, full=False, graph="int32"),
    Family("flat-output", small_bert, short_bert_config, 123, full=False, graph="flat"),
]


def write_files(family: Family, folder: Path) -> None:
    """Writes the extra JSON files and the overrides of config.json."""
    for name, content in family.files.items():
        (folder / name).write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    if family.pair_template is not None:
        text = json.dumps(family.pair_template, ensure_ascii=False, indent=2)
        (folder / "pair_template.json").write_text(text + "\n", encoding="utf-8")
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config.update(family.config)
    path.write_text(json.dumps(config, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
