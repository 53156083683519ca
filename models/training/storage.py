"""Owns the storage format of the shipped graph: int8 weights with fp32 scales, multiplied out when a session opens."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SMALLEST = 1024  # elements; biases and norms stay fp32


def _scales(values, axis):
    """Symmetric scale of each slice that shares an index on `axis`; one scale when `axis` is None."""
    other = None if axis is None else tuple(a for a in range(values.ndim) if a != axis)
    return np.maximum(np.abs(values).max(axis=other, keepdims=True), 1e-12).astype(np.float32) / 127


def _channel_axis(graph, name, shape):
    """Output channels of a matrix product, rows of a table, None for a single column."""
    if 1 in shape:
        return None
    user = next(node for node in graph.node if name in node.input)
    return 1 if user.op_type == "MatMul" else 0


def store_as_int8(model):
    """Replaces each large fp32 weight by `Cast(int8 -> float) * scale`, which onnxruntime folds back to fp32 at load.

    DequantizeLinear would be turned into quantised kernels, whose results depend on the batch.
    """
    graph = model.graph
    nodes, kept = [], []
    for weight in graph.initializer:
        values = numpy_helper.to_array(weight)
        if values.dtype != np.float32 or values.ndim != 2 or values.size < SMALLEST:
            kept.append(weight)
            continue
        scale = _scales(values, _channel_axis(graph, weight.name, values.shape))
        rounded = np.clip(np.rint(values / scale), -127, 127).astype(np.int8)
        kept += [
            numpy_helper.from_array(rounded, weight.name + ".int8"),
            numpy_helper.from_array(scale, weight.name + ".scale"),
        ]
        nodes += [
            helper.make_node("Cast", [weight.name + ".int8"], [weight.name + ".float"], to=TensorProto.FLOAT),
            helper.make_node("Mul", [weight.name + ".float", weight.name + ".scale"], [weight.name]),
        ]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    body = list(graph.node)
    del graph.node[:]
    graph.node.extend(nodes + body)
    onnx.checker.check_model(model)
    return model
