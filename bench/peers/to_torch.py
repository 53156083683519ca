"""Copies a model directory and puts model.safetensors beside its ONNX file, so that torch runs on the same weights.

Initializers that carry state-dict names are taken by name; those an exporter named after its node (``onnx::MatMul_123``) are found
through the node. The logits of both files are compared before anything is written. Prints one JSON line.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import numpy_helper
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForSequenceClassification, PreTrainedModel

TOLERANCE = 1e-4
PAIRS = 3
TOKENS = 40


def find_onnx(directory: Path) -> Path:
    """The file every peer opens."""
    for name in ("model.onnx", "onnx/model.onnx"):
        if (directory / name).exists():
            return directory / name
    sys.exit(f"no model.onnx in {directory}")


def parameter_name(node: onnx.NodeProto, initializer: str) -> str:
    """An exporter names a folded weight after nothing, but its node after the module: /bert/pooler/dense/MatMul."""
    if not initializer.startswith("onnx::"):
        return initializer
    return node.name.strip("/").replace("/", ".").removesuffix(f".{node.op_type}") + ".weight"


def is_transposed(node: onnx.NodeProto) -> bool:
    """torch keeps a linear layer as [out, in]; ONNX multiplies with [in, out] unless Gemm is told otherwise."""
    if node.op_type == "Gemm":
        return not any(attribute.name == "transB" and attribute.i == 1 for attribute in node.attribute)
    return node.op_type == "MatMul"


def state_dict(model: onnx.ModelProto) -> dict[str, torch.Tensor]:
    """All initializers under their state-dict names, linear weights as [out, in]."""
    arrays = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}
    tensors = dict(arrays)
    for node in model.graph.node:
        if node.op_type == "Identity" and node.input[0] in arrays:
            tensors[node.output[0]] = arrays[node.input[0]]  # exporters keep equal parameters once
        weight = node.input[1] if len(node.input) > 1 else ""
        if node.op_type in ("MatMul", "Gemm") and weight in arrays:
            tensors[parameter_name(node, weight)] = arrays[weight].T if is_transposed(node) else arrays[weight]
    return {name: torch.from_numpy(np.array(each, order="C")) for name, each in tensors.items()}


def build(directory: Path, weights: dict[str, torch.Tensor]) -> PreTrainedModel:
    """The architecture of config.json with every parameter replaced; one without weights ends the script."""
    model = AutoModelForSequenceClassification.from_config(AutoConfig.from_pretrained(directory, local_files_only=True))
    parameters = dict(model.named_parameters())
    missing = sorted(set(parameters) - set(weights))
    if missing:
        sys.exit(f"the ONNX file has no weights for {', '.join(missing[:5])} ({len(missing)} in all)")
    model.load_state_dict({name: weights[name] for name in parameters}, strict=False)
    return model.eval()


def difference(model: PreTrainedModel, onnx_file: Path) -> float:
    """Largest difference of a logit on random pairs, two of them padded."""
    random = np.random.default_rng(0)
    ids = random.integers(0, model.config.vocab_size, (PAIRS, TOKENS))
    mask = (np.arange(TOKENS) < np.array([[TOKENS], [TOKENS - 9], [TOKENS // 2]])).astype(np.int64)
    feeds = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.tile(np.arange(TOKENS) > TOKENS // 3, (PAIRS, 1)).astype(np.int64)}
    session = onnxruntime.InferenceSession(str(onnx_file), providers=["CPUExecutionProvider"])
    feeds = {each.name: feeds[each.name] for each in session.get_inputs()}
    with torch.inference_mode():
        expected = model(**{name: torch.from_numpy(each) for name, each in feeds.items()}).logits.numpy()
    return float(np.abs(session.run(None, feeds)[0].reshape(expected.shape) - expected).max())


def main() -> None:
    """Converts SOURCE into TARGET."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    options = parser.parse_args()
    onnx_file = find_onnx(options.source)
    model = build(options.source, state_dict(onnx.load(onnx_file)))
    largest = difference(model, onnx_file)
    if not largest <= TOLERANCE:
        sys.exit(f"torch and ONNX logits differ by {largest}")
    shutil.copytree(options.source, options.target, dirs_exist_ok=True)
    save_file(model.state_dict(), options.target / "model.safetensors", metadata={"format": "pt"})
    print(json.dumps({"largest_difference": largest}))


if __name__ == "__main__":
    main()
