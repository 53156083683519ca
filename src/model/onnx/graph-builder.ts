// Puts an ONNX graph together: nodes, constants, weights. Knows ONNX and no architecture.

import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { DATA_TYPE } from './data-types.ts';
import {
  type AttributeProto,
  AttributeProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from './onnx_pb.ts';
import { addStoredTensor, type OnnxModel } from './onnx-model.ts';
import type { TensorSource } from './tensor-source.ts';

/** TensorProto.DataType of ONNX. */
export const FLOAT = DATA_TYPE.float;
export const INT64 = DATA_TYPE.int64;
export const BOOL = 9;

/** AttributeProto.AttributeType of ONNX. */
const ATTRIBUTE = { float: 1, int: 2, ints: 7 } as const;

const IR_VERSION = 8n;
const OPSET = 17n;

type Attributes = Readonly<Record<string, bigint | number | readonly bigint[]>>;

export class GraphBuilder {
  readonly model: OnnxModel;
  /** What is in a constant -> its name: the same shape or number is asked for in every layer. */
  readonly #constants = new Map<string, string>();
  #count = 0;

  constructor(name: string) {
    const proto = create(ModelProtoSchema, {
      irVersion: IR_VERSION,
      producerName: 'crossrank',
      opsetImport: [{ domain: '', version: OPSET }],
      graph: { name },
    });
    this.model = { proto, graph: proto.graph!, sources: new Map(), ranges: [], files: [] };
  }

  /** @param dims names for sizes that change from run to run */
  input(name: string, dataType: number, dims: readonly (string | number)[]): string {
    this.model.graph.input.push(valueInfo(name, dataType, dims));
    return name;
  }

  output(name: string, dataType: number, dims: readonly (string | number)[]): void {
    this.model.graph.output.push(valueInfo(name, dataType, dims));
  }

  /**
   * Adds a node with one output.
   *
   * @param input `''` for an optional input that is not given
   * @param attributes bigint for int, number for float, bigints for ints
   * @returns the output's name
   */
  node(opType: string, input: readonly string[], attributes: Attributes = {}, output = this.#name(opType)): string {
    const attribute = Object.entries(attributes).map(([name, value]) => toAttribute(name, value));
    this.model.graph.node.push(create(NodeProtoSchema, { opType, name: output, input: [...input], output: [output], attribute }));
    return output;
  }

  /** int64 values inside the message. @param dims `[]` for a scalar */
  integers(values: readonly bigint[], dims: readonly bigint[] = [BigInt(values.length)]): string {
    return this.#constant('integers', dims, values, { dataType: INT64, dims: [...dims], int64Data: [...values] });
  }

  /** A float scalar inside the message. */
  scalar(value: number): string {
    return this.floats([value], []);
  }

  /** Floats inside the message: a few, not weights. @param dims `[]` for a scalar */
  floats(values: readonly number[], dims: readonly bigint[] = [BigInt(values.length)]): string {
    return this.#constant('floats', dims, values, { dataType: FLOAT, dims: [...dims], floatData: [...values] });
  }

  /** Weights, written beside the graph. */
  weights(name: string, dims: readonly number[], source: TensorSource): string {
    addStoredTensor(this.model, name, FLOAT, dims, source);
    return name;
  }

  #constant(
    kind: string,
    dims: readonly bigint[],
    values: readonly (bigint | number)[],
    tensor: MessageInitShape<typeof TensorProtoSchema>,
  ): string {
    const key = `${kind} [${dims}] ${values}`;
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    const name = this.#name(kind);
    this.#constants.set(key, name);
    this.model.graph.initializer.push(create(TensorProtoSchema, { ...tensor, name }));
    return name;
  }

  #name(kind: string): string {
    this.#count += 1;
    return `${kind}_${this.#count}`;
  }
}

function toAttribute(name: string, value: Attributes[string]): AttributeProto {
  if (typeof value === 'bigint') return create(AttributeProtoSchema, { name, type: ATTRIBUTE.int, i: value });
  if (typeof value === 'number') return create(AttributeProtoSchema, { name, type: ATTRIBUTE.float, f: value });
  return create(AttributeProtoSchema, { name, type: ATTRIBUTE.ints, ints: [...value] });
}

function valueInfo(name: string, elemType: number, dims: readonly (string | number)[]): ValueInfoProto {
  const dim = dims.map((size) =>
    typeof size === 'string'
      ? { value: { case: 'dimParam' as const, value: size } }
      : { value: { case: 'dimValue' as const, value: BigInt(size) } },
  );
  return create(ValueInfoProtoSchema, { name, type: { value: { case: 'tensorType', value: { elemType, shape: { dim } } } } });
}
