"""Records what sentence-transformers and transformers give for a model directory: one fixture a family."""

from __future__ import annotations

import gzip
import io
import json
import os
import platform
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from sentence_transformers import CrossEncoder
from tokenizers import Tokenizer
from transformers import AutoTokenizer

import pair_template
import texts
from families import Family

PACKAGES = [
    "sentence-transformers",
    "transformers",
    "tokenizers",
    "sentencepiece",
    "optimum",
    "optimum-onnx",
    "onnx",
    "onnxruntime",
    "torch",
    "numpy",
]
HUGE_CHARACTERS = 20_000
ACTIVATIONS = {
    "default": None,
    "sigmoid": torch.nn.Sigmoid,
    "identity": torch.nn.Identity,
    "tanh": torch.nn.Tanh,
    "softmax": torch.nn.Softmax,
    "torch.nn.modules.activation.Sigmoid": torch.nn.Sigmoid,
    "torch.nn.modules.activation.ReLU": torch.nn.ReLU,
}


def load(folder: Path) -> CrossEncoder:
    return CrossEncoder(str(folder), backend="onnx", device="cpu", local_files_only=True)


def floats(values) -> list:
    """Gives float32 values as the doubles that hold them exactly; NaN and infinities do not occur."""
    array = np.asarray(values, dtype=np.float32)
    assert np.isfinite(array).all()
    return array.astype(np.float64).tolist()


def message(error: BaseException) -> dict:
    return {"type": type(error).__name__, "message": str(error)}


def facts(family: Family, folder: Path, model: CrossEncoder) -> dict:
    """Gives what sentence-transformers and ONNX Runtime say about the model."""
    session = onnxruntime.InferenceSession(str(folder / family.onnx_path), providers=["CPUExecutionProvider"])
    tokenizer = model.tokenizer
    activation = type(model.activation_fn)
    example = tokenizer("a", "b")
    return {
        "onnxPath": family.onnx_path,
        "tokenizerClass": type(tokenizer).__name__,
        "maxLength": model.max_seq_length,
        "usableMaxLength": family.usable_length or model.max_seq_length,
        "numLabels": model.num_labels,
        "id2label": {str(key): value for key, value in model.config.id2label.items()},
        "padId": tokenizer.pad_token_id,
        "paddingSide": tokenizer.padding_side,
        "truncationSide": tokenizer.truncation_side,
        "addedSpecialTokens": tokenizer.num_special_tokens_to_add(pair=True),
        "inputNames": [value.name for value in session.get_inputs()],
        "inputTypes": [value.type for value in session.get_inputs()],
        "outputNames": [value.name for value in session.get_outputs()],
        "outputShape": session.get_outputs()[0].shape,
        "tokenTypes": "token_type_ids" in example and "token_type_ids" in [v.name for v in session.get_inputs()],
        "activation": f"{activation.__module__}.{activation.__qualname__}",
        "prompts": model.prompts,
        "defaultPromptName": model.default_prompt_name,
    }


class Encoder:
    """The reference encodings: transformers' tokenizer, compared with sentence-transformers and tokenizers."""

    def __init__(self, family: Family, folder: Path, model: CrossEncoder, token_types: bool) -> None:
        self.family = family
        self.model = model
        self.token_types = token_types
        self.tokenizer = model.tokenizer
        self.plain = AutoTokenizer.from_pretrained(folder)
        self.rust = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.rust.no_padding()
        self.lowered = any("do_lower_case" in str(content) for content in family.files.values())
        template = family.pair_template
        self.fixed = 0 if template is None else pair_template.fixed_tokens(self.tokenizer, template)
        self.disagreements: list[str] = []

    def encode(self, a: str, b: str, limit: int) -> dict:
        if self.family.pair_template is not None:
            ids, cut = pair_template.encode(self.tokenizer, self.family.pair_template, a, b, limit)
            if not cut and ids != pair_template.piecewise(self.tokenizer, self.family.pair_template, a, b):
                self.disagreements.append(f"piecewise differs: {a[:40]!r} {b[:40]!r}")
            return {"ids": ids, "typeIds": None, "truncated": cut}
        ids, types = self._sentence_transformers(a, b, limit)
        self._compare(a, b, limit, ids)
        return {"ids": ids, "typeIds": types if self.token_types else None}

    def _sentence_transformers(self, a: str, b: str, limit: int) -> tuple[list[int], list[int] | None]:
        before = self.model.max_seq_length
        self.model.max_seq_length = limit
        try:
            features = self.model.preprocess([[a, b]])
        finally:
            self.model.max_seq_length = before
        types = features.get("token_type_ids")
        return features["input_ids"][0].tolist(), None if types is None else types[0].tolist()

    def _compare(self, a: str, b: str, limit: int, ids: list[int]) -> None:
        if self.lowered:
            return  # sentence-transformers changes the normaliser, the file stays as it is
        if len(a) + len(b) < HUGE_CHARACTERS:
            plain = self.plain([[a, b]], truncation="longest_first", max_length=limit).input_ids[0]
            if plain != ids:
                self.disagreements.append(f"AutoTokenizer differs at {limit}: {a[:40]!r} {b[:40]!r}")
        self.rust.enable_truncation(limit, strategy="longest_first", direction=self.tokenizer.truncation_side)
        if self.rust.encode(a, b).ids != ids:
            self.disagreements.append(f"tokenizer.json differs at {limit}: {a[:40]!r} {b[:40]!r}")


def record_encode(encoder: Encoder, table: texts.Table, full: bool) -> list[dict]:
    cases = []
    seen = set()
    for a, b, limit in texts.encode_cases(table, full, encoder.fixed):
        if (a, b, limit) in seen or limit > (encoder.family.usable_length or limit):
            continue
        seen.add((a, b, limit))
        try:
            result = encoder.encode(table.text(a), table.text(b), limit)
        except BaseException as error:  # a panic of the Rust library is not an Exception
            if isinstance(error, KeyboardInterrupt):
                raise
            result = {"error": message(error)}
        cases.append({"a": a, "b": b, "maxLength": limit, **result})
    return cases


class Scorer:
    """Runs CrossEncoder.predict and rank; through the pair template where the family has one.

    Pairs that the template has to cut are scored from their ids with ONNX Runtime, since
    sentence-transformers has no such truncation.
    """

    def __init__(self, family: Family, folder: Path, model: CrossEncoder) -> None:
        self.template = family.pair_template
        self.model = model
        self.session = onnxruntime.InferenceSession(str(folder / family.onnx_path), providers=["CPUExecutionProvider"])

    def pair(self, a: str, b: str) -> list[str]:
        return [a, b] if self.template is None else pair_template.sentence_transformers_pair(self.template, a, b)

    def logits(self, pairs: list[tuple[str, str]], limit: int) -> list[list[float]]:
        if self.template is not None:
            return [self._template_logits(a, b, limit) for a, b in pairs]
        before = self.model.max_seq_length
        self.model.max_seq_length = limit
        scores = self.model.predict([list(pair) for pair in pairs], activation_fn=torch.nn.Identity())
        self.model.max_seq_length = before
        return floats(np.asarray(scores).reshape(len(pairs), -1))

    def _template_logits(self, a: str, b: str, limit: int) -> list[float]:
        ids, cut = pair_template.encode(self.model.tokenizer, self.template, a, b, limit)
        row = np.array([ids], dtype=np.int64)
        got = self.session.run(None, {"input_ids": row, "attention_mask": np.ones_like(row)})[0].reshape(-1)
        if not cut and limit == self.model.max_seq_length:
            expected = self.model.predict([self.pair(a, b)], activation_fn=torch.nn.Identity())
            assert np.allclose(got, expected, rtol=0, atol=2e-5), (got, expected)
        return floats(got)


def record_scores(scorer: Scorer, table: texts.Table, limits: list[int], count: int) -> list[dict]:
    pairs = texts.score_pairs(table, count)
    plain = [(table.text(a), table.text(b)) for a, b in pairs]
    indices = [list(pair) for pair in pairs]
    return [{"pairs": indices, "maxLength": limit, "logits": scorer.logits(plain, limit)} for limit in limits]


def record_activations(scorer: Scorer, table: texts.Table) -> list[dict]:
    pairs = texts.score_pairs(table, 16)[:15]
    rows = [scorer.pair(table.text(a), table.text(b)) for a, b in pairs]
    records = []
    for name, activation in ACTIVATIONS.items():
        for apply_softmax in (False, True):
            function = None if activation is None else activation()
            scores = scorer.model.predict(rows, activation_fn=function, apply_softmax=apply_softmax)
            records.append(
                {
                    "activation": name,
                    "applySoftmax": apply_softmax,
                    "pairs": [list(pair) for pair in pairs],
                    "scores": floats(scores),
                }
            )
    return records


def rank_calls(model: CrossEncoder) -> list[dict]:
    """Gives the arguments of the recorded rank calls, by the names of the fixture."""
    calls = [{"topK": k, "returnDocuments": k == 3} for k in (None, 0, 1, 3, -1, 100)]
    calls += [{"topK": None, "returnDocuments": True, "empty": True}, {"topK": 2, "returnDocuments": True, "batchSize": 1}]
    calls += [{"topK": None, "returnDocuments": False, "prompt": "Represent this query: "}]
    calls += [{"topK": None, "returnDocuments": False, "prompt": ""}]
    calls += [{"topK": None, "returnDocuments": False, "promptName": name} for name in model.prompts]
    calls += [{"topK": None, "returnDocuments": False, "activation": name} for name in ("identity", "sigmoid", "tanh")]
    calls += [{"topK": None, "returnDocuments": False, "applySoftmax": True}]
    return calls


def record_rank(model: CrossEncoder, table: texts.Table) -> list[dict]:
    query = table.add(texts.QUERY)
    all_documents = [table.add(document) for document in texts.rank_documents()]
    records = []
    for call in rank_calls(model):
        call = dict(call)
        documents = [] if call.pop("empty", False) else all_documents
        activation = ACTIVATIONS[call["activation"]]() if "activation" in call else None
        results = model.rank(
            table.text(query),
            [table.text(index) for index in documents],
            top_k=call["topK"],
            return_documents=call["returnDocuments"],
            prompt=call.get("prompt"),
            prompt_name=call.get("promptName"),
            batch_size=call.get("batchSize", 32),
            activation_fn=activation,
            apply_softmax=call.get("applySoftmax", False),
        )
        rows = [{**row, "score": float(row["score"])} for row in results]
        records.append({"query": query, "documents": documents, **call, "results": rows})
    return records


def record_errors(family: Family, model: CrossEncoder) -> list[dict]:
    """Gives the exceptions of wrong calls as raised."""
    attempts = {
        "rank": ({}, lambda: model.rank("q", ["d"])),
        "batchSize0": ({"batchSize": 0}, lambda: model.predict([["q", "d"]], batch_size=0)),
        "batchSizeNegative": ({"batchSize": -1}, lambda: model.predict([["q", "d"]], batch_size=-1)),
        "promptName": ({"promptName": "nope"}, lambda: model.predict([["q", "d"]], prompt_name="nope")),
        "rankPromptName": ({"promptName": "nope"}, lambda: model.rank("q", ["d"], prompt_name="nope")),
    }
    if family.usable_length is not None:
        attempts["overrun"] = ({"words": 600}, lambda: model.predict([["q", "word " * 600]]))
    records = []
    for name, (call, attempt) in attempts.items():
        try:
            attempt()
        except Exception as error:
            records.append({"case": name, "call": call, **message(error)})
    return records


def record(family: Family, folder: Path) -> tuple[dict, list[str]]:
    """Gives the fixture of a family and the disagreements found between the reference's own layers."""
    model = load(folder)
    table = texts.Table()
    known = facts(family, folder, model)
    encoder = Encoder(family, folder, model, known["tokenTypes"])
    scorer = Scorer(family, folder, model)
    limit = known["usableMaxLength"]
    fixture = {
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
        "model": family.name,
        "facts": known,
        "texts": table.entries,
        "encode": record_encode(encoder, table, family.full),
        "scores": record_scores(scorer, table, [limit, encoder.fixed + 32], 64 if family.full else 32),
        "activations": record_activations(scorer, table),
        "rank": record_rank(model, table) if model.num_labels == 1 and family.pair_template is None else [],
        "errors": record_errors(family, model),
    }
    return fixture, encoder.disagreements


def write(fixture: dict, path: Path) -> None:
    """Writes the fixture compressed, the same bytes for the same content, and never half."""
    text = json.dumps(fixture, ensure_ascii=False, separators=(",", ":"))
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0, filename="") as file:
        file.write(text.encode("utf-8"))
    temporary = path.with_suffix(".tmp")
    temporary.write_bytes(buffer.getvalue())
    os.replace(temporary, path)
