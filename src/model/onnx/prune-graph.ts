// Drops what a rewrite left without use: nodes, initializers, and what was said about values that are gone.

import { subgraphs } from './graph-view.ts';
import type { GraphProto, NodeProto } from './onnx_pb.ts';
import type { OnnxModel } from './onnx-model.ts';

/** Format version since which an initializer need not be an input. */
const INITIALIZER_NO_INPUT = 4n;

/** Keeps the nodes and initializers the graph's outputs need. */
export function pruneGraph({ proto, graph, sources }: OnnxModel): void {
  // An initializer that is also an input could be overridden: the runtime would fuse and fold nothing with it.
  const stored = new Set(graph.initializer.map(({ name }) => name));
  graph.input = graph.input.filter(({ name }) => !stored.has(name));
  if (proto.irVersion < INITIALIZER_NO_INPUT) proto.irVersion = INITIALIZER_NO_INPUT;

  const used = new Set(graph.output.map(({ name }) => name));
  graph.node = neededNodes(graph.node, used);
  for (const tensor of graph.initializer) if (!used.has(tensor.name)) sources.delete(tensor);
  graph.initializer = graph.initializer.filter(({ name }) => used.has(name));
  graph.valueInfo = graph.valueInfo.filter(({ name }) => used.has(name));
}

/** Backwards through the topological order; `used` gains every name a kept node reads. */
function neededNodes(nodes: readonly NodeProto[], used: Set<string>): NodeProto[] {
  const needed = nodes.toReversed().filter((node) => {
    if (!node.output.some((name) => used.has(name))) return false;
    for (const name of node.input) used.add(name);
    for (const graph of subgraphs(node)) addReads(graph, used);
    return true;
  });
  return needed.reverse();
}

/** A subgraph's own names are added as well: no harm, names are unique over all scopes. */
function addReads(graph: GraphProto, used: Set<string>): void {
  for (const { name } of graph.output) used.add(name);
  for (const node of graph.node) {
    for (const name of node.input) used.add(name);
    for (const inner of subgraphs(node)) addReads(inner, used);
  }
}
