// Builds nodes and small initializers for a rewrite.

import { create } from '@bufbuild/protobuf';
import { type AttributeProto, AttributeProtoSchema, type NodeProto, NodeProtoSchema } from './onnx_pb.ts';

/** AttributeProto.AttributeType. */
const INT = 2;

/** A node of ONNX's own operator set with one output or several; its name is that of its first output. */
export function newNode(
  opType: string,
  input: readonly string[],
  output: readonly string[],
  attribute: readonly AttributeProto[] = [],
): NodeProto {
  return create(NodeProtoSchema, { opType, name: output[0]!, input: [...input], output: [...output], attribute: [...attribute] });
}

export function intAttributeOf(name: string, value: number): AttributeProto {
  return create(AttributeProtoSchema, { name, type: INT, i: BigInt(value) });
}

/** A cast to an ONNX data type. */
export function castNode(input: string, output: string, dataType: number): NodeProto {
  return newNode('Cast', [input], [output], [intAttributeOf('to', dataType)]);
}
