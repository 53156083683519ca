// Finds the constant behind a value, through the few operations exporters put between a stored weight and its use.

import { RerankError } from '../../errors.ts';
import { type ConstantTensor, elementCount, multiply, turned } from './constant-tensor.ts';
import { DATA_TYPE, ELEMENT_BYTES } from './data-types.ts';
import { decodeFloats, decodeInline } from './decode-floats.ts';
import { type GraphView, intAttribute } from './graph-view.ts';
import type { NodeProto, TensorProto } from './onnx_pb.ts';
import type { TensorSource } from './tensor-source.ts';

/** Longest chain of operations followed; a graph without a cycle needs no more than a few. */
const MAX_DEPTH = 16;

/** Reads constants of one graph. */
export class ConstantReader {
  readonly #view: GraphView;
  readonly #sources: ReadonlyMap<TensorProto, TensorSource>;

  constructor(view: GraphView, sources: ReadonlyMap<TensorProto, TensorSource>) {
    this.#view = view;
    this.#sources = sources;
  }

  /** The value as a constant; otherwise the operation (or data type) that is in the way. */
  read(name: string, depth = 0): ConstantTensor | string {
    const stored = this.#view.initializer(name);
    if (stored !== undefined) return this.#stored(name, stored);
    const node = this.#view.producer(name);
    if (node === undefined || depth === MAX_DEPTH) return 'a chain too long';
    const input = (index: number): ConstantTensor | string => this.read(node.input[index] ?? '', depth + 1);
    switch (node.opType) {
      case 'Constant':
        return this.#constantNode(name, node);
      case 'Identity':
        return input(0);
      case 'Cast':
        return cast(node, input(0));
      case 'Transpose':
        return transpose(node, input(0));
      case 'Reshape':
        return this.#reshape(node, input(0));
      case 'Mul':
        return product(input(0), input(1));
      default:
        return node.opType;
    }
  }

  #stored(key: string, tensor: TensorProto): ConstantTensor | string {
    const { dataType } = tensor;
    if (decodeFloats(dataType, new Uint8Array(0)) === null) return `data type ${dataType}`;
    const dims = tensor.dims.map(Number);
    const source = this.#sources.get(tensor);
    const stored = source === undefined ? decodeInline(tensor)!.length : source.byteLength / ELEMENT_BYTES[dataType]!;
    if (stored !== elementCount(dims))
      throw new RerankError('model_files', `the weights '${key}' are [${dims}], but ${stored} values are stored`);
    const pieces = (): Iterable<Float32Array> =>
      source === undefined ? [decodeInline(tensor)!] : decodeSource(source, dataType);
    return { key, dims, transposed: false, dataType, pieces };
  }

  #constantNode(name: string, node: NodeProto): ConstantTensor | string {
    const tensor = node.attribute.find((each) => each.name === 'value')?.t;
    return tensor === undefined ? node.opType : this.#stored(name, tensor);
  }

  #reshape(node: NodeProto, tensor: ConstantTensor | string): ConstantTensor | string {
    if (typeof tensor === 'string') return tensor;
    if (tensor.transposed || intAttribute(node, 'allowzero', 0) !== 0) return node.opType;
    const wanted = this.#shape(node.input[1] ?? '');
    if (wanted === null) return node.opType;
    const known = wanted.map((dim, axis) => (dim === 0 ? (tensor.dims[axis] ?? 0) : dim));
    const rest = elementCount(tensor.dims) / Math.abs(elementCount(known));
    const dims = known.map((dim) => (dim === -1 ? rest : dim));
    return { ...tensor, key: `${tensor.key}:${dims}`, dims };
  }

  #shape(name: string): number[] | null {
    const node = this.#view.producer(name);
    const tensor = this.#view.initializer(name) ?? node?.attribute.find((each) => each.name === 'value')?.t;
    if (tensor?.dataType !== DATA_TYPE.int64) return null;
    const source = this.#sources.get(tensor);
    const bytes = source === undefined ? tensor.rawData : Buffer.concat([...source.chunks()]);
    if (bytes.length === 0) return tensor.int64Data.map(Number);
    return Array.from(new BigInt64Array(Uint8Array.from(bytes).buffer), Number);
  }
}

function* decodeSource(source: TensorSource, dataType: number): Generator<Float32Array, void> {
  for (const bytes of source.chunks()) yield decodeFloats(dataType, bytes)!;
}

/** Between the float types only: the values stay what they are, and are rounded to int8 in any case. */
function cast(node: NodeProto, tensor: ConstantTensor | string): ConstantTensor | string {
  if (typeof tensor === 'string') return tensor;
  const dataType = intAttribute(node, 'to', 0);
  const isFloat = dataType === DATA_TYPE.float || dataType === DATA_TYPE.float16;
  return isFloat ? { ...tensor, dataType } : node.opType;
}

function transpose(node: NodeProto, tensor: ConstantTensor | string): ConstantTensor | string {
  const perm = node.attribute.find(({ name }) => name === 'perm')?.ints ?? [1n, 0n];
  if (typeof tensor === 'string') return tensor;
  if (tensor.dims.length !== 2) return node.opType;
  return perm[0] === 1n ? turned(tensor) : tensor;
}

function product(left: ConstantTensor | string, right: ConstantTensor | string): ConstantTensor | string {
  if (typeof left === 'string') return left;
  if (typeof right === 'string') return right;
  return multiply(left, right) ?? 'Mul';
}
