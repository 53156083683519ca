// A float model -> an int8 model: weights of matrix products and large tables as int8, activations quantised at run time.

import { RerankError } from '../../errors.ts';
import { subgraphs } from './graph-view.ts';
import type { NodeProto } from './onnx_pb.ts';
import { type OnnxModel, readOnnxModel, writeOnnxModel } from './onnx-model.ts';
import { pruneGraph } from './prune-graph.ts';
import { FULL_RANGE, REDUCED_RANGE } from './quantize-matrix.ts';
import { Rewrite, type Rewritten } from './rewrite.ts';
import { rewriteGather } from './rewrite-gather.ts';
import { MatMulRewriter } from './rewrite-matmul.ts';

export interface QuantizeOptions {
  /** 7-bit weights: x86 CPUs without VNNI add two products in 16 bits, and 8-bit weights saturate there. */
  readonly reducedRange: boolean;
  /** Tables of at least this size, as float32, become int8 rows; 1 MiB when not given. */
  readonly tableBytes?: number;
  /** Bytes of weights written so far, and in all. */
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
}

export interface QuantizeReport {
  readonly matMuls: number;
  readonly gemms: number;
  readonly tables: number;
  /** Nodes with constant weights that stay in float, `operation name: why`. */
  readonly kept: readonly string[];
}

/** Position and type tables are below it, and so small that int8 gains nothing; a vocabulary is above. */
const TABLE_BYTES = 2 ** 20;

/** Operations of com.microsoft that hold the weights of a matrix product. */
const FUSED_PRODUCTS = ['Attention', 'FusedGemm', 'FusedMatMul'];

/** DynamicQuantizeLinear exists since. */
const OLDEST_OPSET = 11n;

/**
 * Reads `source`, writes the int8 model to `target` (the graph) and one data file beside it.
 *
 * Weights are read, quantised and written tensor by tensor, in pieces of some MiB.
 *
 * @throws RerankError `model_files` when the source cannot be read, is older than opset 11, or has weights that are not finite
 */
export async function quantizeModel(source: string, target: string, options: QuantizeOptions): Promise<QuantizeReport> {
  const model = readOnnxModel(source);
  checkOpset(source, model);
  const report = rewriteGraph(model, options);
  pruneGraph(model);
  let total = 0;
  for (const { byteLength } of model.sources.values()) total += byteLength;
  let done = 0;
  await writeOnnxModel(model, target, (count) => {
    done += count;
    options.onProgress?.(done, total);
  });
  return report;
}

function checkOpset(path: string, { proto }: OnnxModel): void {
  const opset = proto.opsetImport.find(({ domain }) => domain === '' || domain === 'ai.onnx')?.version ?? 1n;
  if (opset >= OLDEST_OPSET) return;
  throw new RerankError(
    'model_files',
    `${path} has opset ${opset}; int8 needs ${OLDEST_OPSET} or newer: export the model again, or serve it with --dtype float32`,
  );
}

/** Puts the new nodes where the old ones were, so that the order stays topological. */
function rewriteGraph(model: OnnxModel, options: QuantizeOptions): QuantizeReport {
  const rewrite = new Rewrite(model);
  const products = new MatMulRewriter(rewrite, options.reducedRange ? REDUCED_RANGE : FULL_RANGE);
  const rewriters: Readonly<Record<string, (node: NodeProto) => Rewritten>> = {
    MatMul: (node) => products.matMul(node),
    Gemm: (node) => products.gemm(node),
    Gather: (node) => rewriteGather(rewrite, node, options.tableBytes ?? TABLE_BYTES),
  };
  const counts: Record<string, number> = {};
  const kept: string[] = [];
  model.graph.node = model.graph.node.flatMap((node) => {
    kept.push(...productsInside(node));
    const result = isStandard(node) ? rewriters[node.opType]?.(node) : fusedProduct(rewrite, node);
    if (!result) return [node];
    if ('kept' in result) {
      kept.push(`${node.opType} ${node.name}: ${result.kept}`);
      return [node];
    }
    counts[node.opType] = (counts[node.opType] ?? 0) + 1;
    return result.nodes;
  });
  return { matMuls: counts['MatMul'] ?? 0, gemms: counts['Gemm'] ?? 0, tables: counts['Gather'] ?? 0, kept };
}

function isStandard({ domain }: NodeProto): boolean {
  return domain === '' || domain === 'ai.onnx';
}

/** A graph that an optimiser already fused for one runtime. */
function fusedProduct({ view }: Rewrite, { opType, input }: NodeProto): Rewritten {
  return FUSED_PRODUCTS.includes(opType) && view.isConstant(input[1] ?? '')
    ? { kept: 'it is fused already; int8 needs the plain export' }
    : null;
}

/** Products in the branches and bodies of control flow, which stay as they are. */
function productsInside(node: NodeProto): string[] {
  return subgraphs(node).flatMap((graph) =>
    graph.node.flatMap((inner) => [
      ...(inner.opType === 'MatMul' || inner.opType === 'Gemm'
        ? [`${inner.opType} ${inner.name}: it is inside ${node.opType} ${node.name}`]
        : []),
      ...productsInside(inner),
    ]),
  );
}
