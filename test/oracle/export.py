"""Makes the tiny random models and exports them to ONNX, checked against torch."""

from __future__ import annotations

import math
import shutil
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper
from optimum.exporters.onnx import onnx_export_from_model
from transformers import AutoModelForSequenceClassification, PreTrainedModel

import pair_template
from families import Family

LOGIT_SPREAD = 2.5  # standard deviation of the logits, so that they cover about -6..6
OPSET = 18
SEEDS = 8
EXPORT_TOLERANCE = 2e-5  # on logits of about -6..6


def encode(family: Family, model: PreTrainedModel, tokenizer, pairs: list[tuple[str, str]]):
    """Gives padded torch inputs of the pairs, through the pair template where the family has one."""
    limit = min(200, model.config.max_position_embeddings)
    options = {"padding": True, "truncation": True, "max_length": limit, "return_tensors": "pt"}
    if family.pair_template is not None:
        return tokenizer([pair_template.formatted(family.pair_template, a, b) for a, b in pairs], **options)
    return tokenizer([list(pair) for pair in pairs], **options)


def random_weights(family: Family, tokenizer, seed: int) -> PreTrainedModel:
    torch.manual_seed(seed)
    config = family.model_config(tokenizer)
    model = AutoModelForSequenceClassification.from_config(config, attn_implementation="eager").eval()
    model.config.architectures = [type(model).__name__]
    with torch.no_grad():
        for name, module in model.named_modules():
            if isinstance(module, torch.nn.Linear):
                module.weight.normal_(0, 1.4 / math.sqrt(module.in_features))
                if module.bias is not None:
                    module.bias.normal_(0, 0.1)
            elif isinstance(module, torch.nn.Embedding):
                module.weight.normal_(0, 0.3 if "position" in name or "type" in name else 1)
            elif getattr(module, "weight", None) is not None and module.weight.dim() == 1:
                module.weight.normal_(1, 0.1)
    return model


def random_model(family: Family, tokenizer, pairs: list[tuple[str, str]]) -> PreTrainedModel:
    """Gives a model with seeded weights, its head scaled so that the logits of `pairs` spread.

    The seed that spreads them most on its own is taken: scaling up would scale up rounding as well.
    """
    best = None
    for attempt in range(SEEDS):
        model = random_weights(family, tokenizer, family.seed + 1000 * attempt)
        with torch.no_grad():
            logits = torch.cat([model(**encode(family, model, tokenizer, [pair])).logits for pair in pairs])
        spread = logits.std(dim=0)
        if best is None or spread.min() > best[2].min():
            best = (model, logits, spread)
    model, logits, spread = best
    head = [m for m in model.modules() if isinstance(m, torch.nn.Linear) and m.out_features == model.num_labels][-1]
    with torch.no_grad():
        head.weight *= (LOGIT_SPREAD / spread).unsqueeze(1)
        if head.bias is not None:
            head.bias.copy_((head.bias - logits.mean(dim=0)) * LOGIT_SPREAD / spread)
    return model


def export(family: Family, model: PreTrainedModel, tokenizer, folder: Path, pairs) -> float:
    """Writes config.json and the weights, and gives the largest difference between torch and ONNX Runtime."""
    target = folder / family.onnx_path
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        onnx_export_from_model(model, scratch, opset=OPSET, task="text-classification", do_validation=False)
        graph = onnx.load(Path(scratch) / "model.onnx")
        shutil.copy(Path(scratch) / "config.json", folder / "config.json")
    if family.graph == "int32":
        int32_inputs(graph)
    elif family.graph == "flat":
        flat_output(graph)
    onnx.checker.check_model(graph)
    if family.graph == "external":
        onnx.save_model(
            graph,
            str(target),
            save_as_external_data=True,
            all_tensors_to_one_file=True,
            location=target.name + "_data",
            size_threshold=1024,
        )
    else:
        onnx.save_model(graph, str(target))
    return check(family, model, tokenizer, target, pairs)


def check(family: Family, model: PreTrainedModel, tokenizer, path: Path, pairs) -> float:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    types = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}
    worst = 0.0
    for start in range(0, len(pairs), 8):
        encoded = encode(family, model, tokenizer, pairs[start : start + 8])
        with torch.no_grad():
            expected = model(**encoded).logits.numpy()
        feeds = {i.name: encoded[i.name].numpy().astype(types[i.type]) for i in session.get_inputs()}
        got = session.run(None, feeds)[0].reshape(expected.shape)
        worst = max(worst, float(np.abs(got - expected).max()))
    return worst


def int32_inputs(graph: onnx.ModelProto) -> None:
    """Declares the inputs as int32 and casts them to int64 at the head of the graph."""
    casts = []
    for value in graph.graph.input:
        inner = value.name + "_int64"
        for node in graph.graph.node:
            for index, name in enumerate(node.input):
                if name == value.name:
                    node.input[index] = inner
        casts.append(helper.make_node("Cast", [value.name], [inner], to=TensorProto.INT64, name=f"Cast_{value.name}"))
        value.type.tensor_type.elem_type = TensorProto.INT32
    for cast in reversed(casts):
        graph.graph.node.insert(0, cast)


def flat_output(graph: onnx.ModelProto) -> None:
    """Squeezes the last axis of the output, so that its shape is [batch]."""
    output = graph.graph.output[0]
    inner = "logits_column"
    for node in graph.graph.node:
        for index, name in enumerate(node.output):
            if name == output.name:
                node.output[index] = inner
    graph.graph.initializer.append(helper.make_tensor("flat_axis", TensorProto.INT64, [1], [1]))
    graph.graph.node.append(helper.make_node("Squeeze", [inner, "flat_axis"], [output.name], name="flat_output"))
    del output.type.tensor_type.shape.dim[-1]
