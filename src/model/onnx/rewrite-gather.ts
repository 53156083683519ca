// Large embedding tables -> int8 rows with a scale each.

import { isHalf, matrixShape } from './constant-tensor.ts';
import { DATA_TYPE } from './data-types.ts';
import { intAttribute } from './graph-view.ts';
import { castNode, newNode } from './new-nodes.ts';
import type { NodeProto } from './onnx_pb.ts';
import { quantizeRows } from './quantize-matrix.ts';
import type { Rewrite, Rewritten } from './rewrite.ts';

/** A shorter row saves little or nothing beside its own scale. */
const SHORTEST_ROW = 8;

/**
 * `Gather(table, ids)` becomes `Cast(Gather(int8 table, ids)) * Gather(scales, ids)`: what is computed are the rows a run asks for.
 *
 * @param tableBytes tables that are smaller as float32 stay as they are
 */
export function rewriteGather(rewrite: Rewrite, node: NodeProto, tableBytes: number): Rewritten {
  const { view } = rewrite;
  const [table, ids] = [node.input[0]!, node.input[1]!];
  if (!view.isConstant(table) || view.isConstant(ids) || intAttribute(node, 'axis', 0) !== 0) return null;
  const matrix = rewrite.floatMatrix(table);
  if (typeof matrix === 'string') return null;
  const { rows, columns } = matrixShape(matrix)!;
  if (4 * rows * columns < tableBytes) return null;
  if (columns < SHORTEST_ROW) return { kept: `the rows of its table are ${columns} long` };
  if (matrix.transposed) return { kept: 'its table is stored by columns' };
  const stored = rewrite.store(`${matrix.key}.rows`, [rows, columns], [rows, 1], () => quantizeRows(matrix));
  const output = node.output[0]!;
  const name = (step: string): string => view.freshName(`${output}.${step}`);
  const [integers, floats, scales] = [name('integers'), name('floats'), name('scales')];
  const result = isHalf(matrix) ? name('float32') : output;
  return {
    nodes: [
      newNode('Gather', [stored.values, ids], [integers]),
      castNode(integers, floats, DATA_TYPE.float),
      newNode('Gather', [stored.scales, ids], [scales]),
      newNode('Mul', [floats, scales], [result]),
      ...(isHalf(matrix) ? [castNode(result, output, matrix.dataType)] : []),
    ],
  };
}
