// What a rewrite asks of a graph: who makes a value, is it constant, which names are free.

import type { GraphProto, NodeProto, TensorProto } from './onnx_pb.ts';
import type { OnnxModel } from './onnx-model.ts';

/** An index over a model's main graph as it was when the view was made. */
export class GraphView {
  readonly #initializers: ReadonlyMap<string, TensorProto>;
  readonly #producers: ReadonlyMap<string, NodeProto>;
  readonly #constants: ReadonlySet<string>;
  readonly #names: Set<string>;

  constructor({ graph }: OnnxModel) {
    this.#initializers = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
    this.#producers = new Map(graph.node.flatMap((node) => node.output.map((output) => [output, node])));
    this.#constants = constantValues(graph);
    this.#names = new Set([...graph.input, ...graph.output].map(({ name }) => name));
    for (const name of this.#initializers.keys()) this.#names.add(name);
    collectNames(graph.node, this.#names);
  }

  initializer(name: string): TensorProto | undefined {
    return this.#initializers.get(name);
  }

  producer(name: string): NodeProto | undefined {
    return this.#producers.get(name);
  }

  /** Whether a value depends on no input of the graph, so that the runtime computes it once when it opens the model. */
  isConstant(name: string): boolean {
    return this.#constants.has(name);
  }

  /** A name for a value or node that the graph does not have yet. */
  freshName(stem: string): string {
    let name = stem;
    for (let i = 1; this.#names.has(name); i += 1) name = `${stem}_${i}`;
    this.#names.add(name);
    return name;
  }
}

/** Nodes are in topological order, so one pass is enough. A node with a subgraph may read anything: never constant. */
function constantValues({ initializer, node }: GraphProto): Set<string> {
  const constants = new Set(initializer.map(({ name }) => name));
  constants.add(''); // an optional input that is not given
  for (const { input, output, attribute } of node) {
    if (attribute.some(({ g, graphs }) => g !== undefined || graphs.length > 0)) continue;
    if (input.every((name) => constants.has(name))) for (const name of output) constants.add(name);
  }
  return constants;
}

function collectNames(nodes: readonly NodeProto[], names: Set<string>): void {
  for (const node of nodes) {
    for (const name of [node.name, ...node.input, ...node.output]) names.add(name);
    for (const graph of subgraphs(node)) {
      for (const { name } of graph.initializer) names.add(name);
      collectNames(graph.node, names);
    }
  }
}

/** Graphs inside a node: branches of If, bodies of Loop and Scan. They may read the values of the graph around them. */
export function subgraphs({ attribute }: NodeProto): GraphProto[] {
  return attribute.flatMap(({ g, graphs }) => (g === undefined ? graphs : [g, ...graphs]));
}

/** An integer attribute of a node, or what ONNX takes when it is absent. */
export function intAttribute({ attribute }: NodeProto, name: string, fallback: number): number {
  const found = attribute.find((each) => each.name === name);
  return found === undefined ? fallback : Number(found.i);
}

/** A float attribute of a node, or what ONNX takes when it is absent. */
export function floatAttribute({ attribute }: NodeProto, name: string, fallback: number): number {
  return attribute.find((each) => each.name === name)?.f ?? fallback;
}
