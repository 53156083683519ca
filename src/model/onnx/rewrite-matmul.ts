// MatMul and Gemm with constant weights -> dynamic int8, in the pattern the runtime fuses.

import { type ConstantTensor, isHalf, matrixShape, times, turned } from './constant-tensor.ts';
import { DATA_TYPE } from './data-types.ts';
import { floatAttribute, intAttribute } from './graph-view.ts';
import { castNode, newNode } from './new-nodes.ts';
import type { NodeProto } from './onnx_pb.ts';
import { quantizeColumns } from './quantize-matrix.ts';
import type { Rewrite, Rewritten } from './rewrite.ts';

/** An activation as 8-bit integers, and how to read them. */
interface Activation {
  readonly values: string;
  readonly scale: string;
  readonly zeroPoint: string;
}

/**
 * `X * W` becomes
 *
 * ```
 * DynamicQuantizeLinear(X) -> MatMulInteger(W int8) -> Cast -> Mul( Mul(x scale, W scales) )
 * ```
 *
 * which the runtime fuses to one DynamicQuantizeMatMul, or, where several products share X (query, key, value), to one
 * DynamicQuantizeLinear and a MatMulIntegerToFloat each. It wants the scales in just this order.
 *
 * @see https://github.com/microsoft/onnxruntime/blob/v1.23.0/onnxruntime/core/optimizer/matmul_integer_to_float.cc
 */
export class MatMulRewriter {
  readonly #rewrite: Rewrite;
  readonly #levels: number;
  readonly #activations = new Map<string, Activation>();

  /** @param levels largest integer of the weights */
  constructor(rewrite: Rewrite, levels: number) {
    this.#rewrite = rewrite;
    this.#levels = levels;
  }

  matMul(node: NodeProto): Rewritten {
    const weights = this.#weights(node);
    if (weights === null || typeof weights === 'string') return weights === null ? null : { kept: weights };
    return { nodes: this.#product(node.input[0]!, weights, node.output[0]!) };
  }

  gemm(node: NodeProto): Rewritten {
    const weights = this.#weights(node);
    if (weights === null || typeof weights === 'string') return weights === null ? null : { kept: weights };
    if (intAttribute(node, 'transA', 0) !== 0) return { kept: 'it transposes its input' };
    const matrix = times(intAttribute(node, 'transB', 0) === 0 ? weights : turned(weights), floatAttribute(node, 'alpha', 1));
    const [input, , bias = ''] = node.input as [string, string, string?];
    const output = node.output[0]!;
    if (bias === '') return { nodes: this.#product(input, matrix, output) };
    const beta = floatAttribute(node, 'beta', 1);
    if (beta !== 1 && isHalf(matrix)) return { kept: 'it scales a 16-bit bias' };
    const product = this.#rewrite.view.freshName(`${output}.product`);
    return { nodes: [...this.#product(input, matrix, product), ...this.#addBias(product, bias, beta, output)] };
  }

  /** The bias is the second operand: there the runtime takes it into the fused product. */
  #addBias(product: string, bias: string, beta: number, output: string): NodeProto[] {
    if (beta === 1) return [newNode('Add', [product, bias], [output])];
    const scaled = this.#rewrite.view.freshName(`${output}.bias`);
    const factor = this.#rewrite.scalar(`${output}.beta`, beta);
    return [newNode('Mul', [bias, factor], [scaled]), newNode('Add', [product, scaled], [output])];
  }

  /** The weights of a product, or why they stay as they are; null when both operands are computed. */
  #weights({ input: [left, right] }: NodeProto): ConstantTensor | string | null {
    const { view } = this.#rewrite;
    if (!view.isConstant(right!)) return view.isConstant(left!) ? 'its constant is the left operand' : null;
    if (view.isConstant(left!)) return 'it depends on no input: the runtime computes it once';
    return this.#rewrite.floatMatrix(right!);
  }

  #product(input: string, matrix: ConstantTensor, output: string): NodeProto[] {
    const { view } = this.#rewrite;
    const { rows, columns } = matrixShape(matrix)!;
    const weights = this.#rewrite.store(matrix.key, [rows, columns], [columns], () => quantizeColumns(matrix, this.#levels));
    const { activation, nodes } = this.#activation(input, isHalf(matrix));
    const { values, scale, zeroPoint } = activation;
    const name = (step: string): string => view.freshName(`${output}.${step}`);
    const [integers, floats, scales] = [name('integers'), name('floats'), name('scales')];
    const result = isHalf(matrix) ? name('float32') : output;
    return [
      ...nodes,
      newNode('MatMulInteger', [values, weights.values, zeroPoint], [integers]),
      castNode(integers, floats, DATA_TYPE.float),
      newNode('Mul', [scale, weights.scales], [scales]),
      newNode('Mul', [floats, scales], [result]),
      ...(isHalf(matrix) ? [castNode(result, output, matrix.dataType)] : []),
    ];
  }

  /** Quantised once for all products of the same value, at the first of them. */
  #activation(input: string, half: boolean): { activation: Activation; nodes: NodeProto[] } {
    const known = this.#activations.get(input);
    if (known !== undefined) return { activation: known, nodes: [] };
    const name = (step: string): string => this.#rewrite.view.freshName(`${input}.${step}`);
    const activation = { values: name('uint8'), scale: name('scale'), zeroPoint: name('zero_point') };
    this.#activations.set(input, activation);
    const float = half ? name('float32') : input;
    const quantize = newNode('DynamicQuantizeLinear', [float], [activation.values, activation.scale, activation.zeroPoint]);
    return { activation, nodes: half ? [castNode(input, float, DATA_TYPE.float), quantize] : [quantize] };
  }
}
