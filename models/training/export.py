"""Owns the way from a checkpoint to the shipped directory: calibration, graph, int8 storage, configuration, checks."""

import json
import os
import shutil
import warnings

import numpy as np
import onnx
import torch

import recorded
from batches import GroupSampler, held_out_passages, sampling_weights
from corpus import CLS, MASK, PAD, SEP, UNK, Corpus
from devsets import MAX_TOKENS
from fit import score_pairs
from model import CrossEncoder, Shape
from scorer import Scorer
from storage import store_as_int8

INPUTS = ["input_ids", "attention_mask", "token_type_ids"]
CALIBRATION_GROUPS = 1200
RELEVANT_WEIGHT = 2.0  # a relevant pair counts this much against each of its negatives
CARD = "README.md"


def load_average(options):
    """The averaged weights of the run."""
    state = torch.load(os.path.join(options.work, options.name + ".pt"), weights_only=True)
    model = CrossEncoder(Shape(options.vocab_size))
    model.load_state_dict(state["average"])
    print(f"checkpoint {options.name}, step {state['step']}")
    return model.eval()


@torch.no_grad()
def calibrate(model, options):
    """Fits scale and shift so that the sigmoid of a logit is a probability on passages no training step drew."""
    corpus = Corpus(options.work)
    idf = np.load(os.path.join(options.work, "idf.npy"))[: options.vocab_size]
    negatives = np.load(os.path.join(options.work, "negatives.npy"), mmap_mode="r")
    sampler = GroupSampler(corpus, negatives, idf, options.sentence_ends)
    weights = sampling_weights(corpus) * np.isin(corpus.passage, held_out_passages(corpus))
    rng = np.random.default_rng(options.seed)
    chosen = rng.choice(len(weights), CALIBRATION_GROUPS, p=weights / weights.sum())
    groups = [sampler.group(int(pair), rng) for pair in chosen]
    pairs = [(query, document) for query, documents in groups for document in documents]
    raw = score_pairs(model, pairs).view(len(groups), -1)
    print(f"held-out groups: relevant document on top in {(raw.argmax(1) == 0).float().mean():.3f}")
    scale, shift = _logistic_fit(raw)
    model.scale.fill_(scale)
    model.shift.fill_(shift)
    probability = (raw * scale + shift).sigmoid()
    print(
        f"calibration: logit = {scale:.3f} * raw {shift:+.3f}; median score of relevant documents "
        f"{probability[:, 0].median():.3f}, of negatives {probability[:, 1:].median():.4f}"
    )


@torch.enable_grad()
def _logistic_fit(raw):
    target = torch.zeros_like(raw)
    target[:, 0] = 1
    weight = torch.ones_like(raw)
    weight[:, 0] = RELEVANT_WEIGHT
    line = torch.tensor([1.0, 0.0], requires_grad=True)
    optimizer = torch.optim.LBFGS([line], max_iter=100, line_search_fn="strong_wolfe")

    def loss():
        optimizer.zero_grad()
        value = torch.nn.functional.binary_cross_entropy_with_logits(raw * line[0] + line[1], target, weight)
        value.backward()
        return value

    optimizer.step(loss)
    return line.tolist()


def write_graph(model, path):
    """Exports the fp32 graph with free batch and sequence dimensions."""
    ids = torch.randint(5, 1000, (2, 24))
    types = torch.zeros_like(ids)
    types[:, 10:] = 1
    free = {name: {0: "pairs", 1: "seqLen"} for name in INPUTS} | {"logits": {0: "pairs"}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model, (ids, torch.ones_like(ids), types), path,
            dynamo=False, opset_version=17, input_names=INPUTS, output_names=["logits"], dynamic_axes=free,
        )


def _write_json(path, value):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=2, ensure_ascii=False)
        file.write("\n")


def write_configuration(directory, shape, activation):
    """`config.json` and the tokenizer files in Hugging Face form."""
    _write_json(
        os.path.join(directory, "config.json"),
        {
            "architectures": ["BertForSequenceClassification"],
            "model_type": "bert",
            "vocab_size": shape.vocab_size,
            "hidden_size": shape.hidden,
            "num_hidden_layers": shape.layers,
            "num_attention_heads": shape.heads,
            "intermediate_size": shape.inner,
            "hidden_act": activation,
            "hidden_dropout_prob": 0.0,
            "attention_probs_dropout_prob": 0.0,
            "max_position_embeddings": shape.positions,
            "type_vocab_size": 2,
            "layer_norm_eps": 1e-5,
            "pad_token_id": PAD,
            "id2label": {"0": "LABEL_0"},
            "label2id": {"LABEL_0": 0},
            "sentence_transformers": {"activation_fn": "torch.nn.modules.activation.Sigmoid", "version": "5.0.0"},
        },
    )
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
    ids = {"[PAD]": PAD, "[UNK]": UNK, "[CLS]": CLS, "[SEP]": SEP, "[MASK]": MASK}
    added = {
        str(number): {"content": token, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True}
        for token, number in ids.items()
    }
    _write_json(
        os.path.join(directory, "tokenizer_config.json"),
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": MAX_TOKENS,
            "model_input_names": INPUTS,
            "do_lower_case": True,
            "clean_up_tokenization_spaces": False,
            "truncation_side": "right",
            "padding_side": "right",
            **names,
            "added_tokens_decoder": added,
        },
    )
    _write_json(os.path.join(directory, "special_tokens_map.json"), names)


def check(directory, fp32):
    """Figures of the properties a server relies on; raises when one fails."""
    texts = recorded.pairs()
    scorer = Scorer(directory)
    encodings = scorer.tokenizer.encode_batch(texts)
    alone = np.array([scorer.run([e])[0] for e in encodings])
    together = np.concatenate([scorer.run(encodings[i : i + 20]) for i in range(0, len(encodings), 20)])
    plain = Scorer(directory, optimise=False)
    unfolded = np.array([plain.run([e])[0] for e in encodings])
    exact = Scorer(os.path.dirname(fp32), model=os.path.basename(fp32))
    original = np.array([exact.run([e])[0] for e in encodings])
    figures = {
        "batchDifference": float(np.abs(alone - together).max()),
        "foldingDifference": float(np.abs(alone - unfolded).max()),
        "storageDifference": float(np.abs(alone - original).max()),
    }
    print("checks over the recorded pairs:", figures)
    assert np.isfinite(alone).all() and figures["batchDifference"] < 2e-5 and figures["foldingDifference"] < 2e-5
    return scorer


def export(options):
    """The shipped directory of crossrank-mini."""
    ship(load_average(options), options, activation="relu")


def ship(model, options, activation):
    """Calibrates the model, writes a complete directory beside `--out` and swaps it in by rename."""
    calibrate(model, options)
    draft = options.out.rstrip("/") + ".draft"
    fp32_dir = os.path.join(options.work, "fp32")
    for directory in (draft, fp32_dir):
        shutil.rmtree(directory, ignore_errors=True)
        os.makedirs(directory)
    fp32 = os.path.join(fp32_dir, "model.onnx")
    write_graph(model, fp32)
    onnx.save(store_as_int8(onnx.load(fp32)), os.path.join(draft, "model.onnx"))
    write_configuration(draft, model.shape, activation)
    for directory in (draft, fp32_dir):
        shutil.copy(options.tokenizer, os.path.join(directory, "tokenizer.json"))
    scorer = check(draft, fp32)
    recorded.write(draft, scorer)
    for query, ranked in recorded.demo(scorer):
        print(query, *(f"  {logit:7.3f}  {document[:50]}" for logit, document in ranked), sep="\n")
    card = os.path.join(options.out, CARD)
    if os.path.exists(card):
        shutil.copy(card, draft)
    old = options.out.rstrip("/") + ".old"
    if os.path.exists(options.out):
        os.rename(options.out, old)
    os.rename(draft, options.out)
    shutil.rmtree(old, ignore_errors=True)
    print(f"model.onnx {os.path.getsize(os.path.join(options.out, 'model.onnx')) / 1e6:.2f} MB")
