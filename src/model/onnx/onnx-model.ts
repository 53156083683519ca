// An ONNX file as a graph in memory and weights on disk: read in memory bounded by the graph, written tensor by tensor.

import { closeSync, fstatSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, normalize } from 'node:path';
import { create, type DescMessage, fromBinary, type MessageShape, toBinary } from '@bufbuild/protobuf';
import { RerankError } from '../../errors.ts';
import { MAX_WEIGHT_BYTES, openRegularFile } from '../regular-file.ts';
import { elementCount } from './constant-tensor.ts';
import { ELEMENT_BYTES } from './data-types.ts';
import {
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  StringStringEntryProtoSchema,
  type TensorProto,
  TensorProtoSchema,
} from './onnx_pb.ts';
import { FileRange, type TensorSource } from './tensor-source.ts';
import { fieldHead, type Span, type WireField, WireScanner } from './wire-scan.ts';

/** A decoded graph whose large initializers stay where they are. */
export interface OnnxModel {
  readonly proto: ModelProto;
  readonly graph: GraphProto;
  /** Initializer -> its bytes, for those that are not inside the message. */
  readonly sources: Map<TensorProto, TensorSource>;
  /** Where weights lie that are not inside the message, those of nodes and inner graphs included. */
  readonly ranges: readonly FileRange[];
  /** Absolute paths of the files the weights lie in, the ONNX file itself first. */
  readonly files: readonly string[];
}

/** Field numbers of onnx.proto that are followed on disk. */
const MODEL_GRAPH = 7;
const GRAPH_INITIALIZER = 5;
const TENSOR_RAW_DATA = 9;

/** Smaller initializers are shapes and constants: they stay inside the message. */
const INLINE_BYTES = 1024;

const EXTERNAL = 1;

/** What protobuf can hold in one message: the graph and all that lies inside it. */
const MAX_MESSAGE_BYTES = 2 ** 31 - 1;

/** Mapped weights want whole pages; the runtime asks for them too. */
const ALIGNMENT = 4096;

/**
 * Reads an ONNX file of any size.
 *
 * @throws RerankError `model_files` when it cannot be read, is not ONNX, or names weights outside its own directory
 */
export function readOnnxModel(path: string): OnnxModel {
  const file = openRegularFile(path, MAX_WEIGHT_BYTES);
  try {
    return readOpen(path, file);
  } catch (error) {
    if (error instanceof RerankError) throw error;
    // Graphs nested without end overflow the stack of whoever walks them.
    throw new RerankError('model_files', `cannot open ${path}: ${(error as Error).message}`, { cause: error });
  } finally {
    closeSync(file);
  }
}

function readOpen(path: string, file: number): OnnxModel {
  const size = fstatSync(file).size;
  const scanner = new WireScanner(file, path, size);
  const { outer, graphs } = splitModel(scanner, size);
  if (graphs.length === 0) throw new RerankError('model_files', `cannot open ${path}: not an ONNX file, it has no graph`);
  const graphParts = graphs.map((span) => splitGraph(scanner, span));
  const pieces = [scanner, outer, graphParts.flatMap(({ rest }) => rest)] as const;
  const proto = decodeSkeleton(path, ...pieces);
  const graph = proto.graph;
  if (graph === undefined) throw new RerankError('internal', 'a graph was read and is gone. This is a bug.');
  const sources = new Map<TensorProto, TensorSource>();
  for (const { initializers } of graphParts) {
    for (const span of initializers) addInitializer({ path, scanner, graph, sources }, span);
  }
  const ranges = [...([...sources.values()] as FileRange[]), ...innerRanges(path, graph)];
  return { proto, graph, sources, ranges, files: [...new Set([path, ...ranges.map((range) => range.path)])] };
}

/**
 * Writes a model: the graph to `path`, every initializer with a source to one file beside it. Both are synced.
 *
 * @param onBytes called with the number of bytes of each written piece; the event loop runs between tensors
 * @throws RerankError `model_files` when an inner graph or a node keeps weights in a file
 */
export async function writeOnnxModel(model: OnnxModel, path: string, onBytes: (count: number) => void = () => {}): Promise<void> {
  const location = `${basename(path)}.data`;
  if (model.files.some((file) => [path, join(dirname(path), location)].includes(file)))
    throw new RerankError('internal', `${path} would be written over the weights it is made from. This is a bug.`);
  const [inner] = innerRanges(path, model.graph);
  // Only initializers of the main graph are carried along: these would be lost.
  if (inner !== undefined)
    throw new RerankError('model_files', `the graph keeps weights of a node in ${basename(inner.path)}; export the model again`);
  const data = openSync(join(dirname(path), location), 'w');
  try {
    let end = 0;
    for (const tensor of model.graph.initializer) {
      const source = model.sources.get(tensor);
      if (source === undefined) continue;
      const offset = Math.ceil(end / ALIGNMENT) * ALIGNMENT;
      end = offset + writeSource(data, offset, source, onBytes);
      if (end !== offset + source.byteLength)
        throw new RerankError('internal', `${tensor.name} gave too few bytes. This is a bug.`);
      pointTo(tensor, location, offset, source.byteLength);
      await new Promise((resolve) => setImmediate(resolve));
    }
    fsyncSync(data);
  } finally {
    closeSync(data);
  }
  writeSynced(path, toBinary(ModelProtoSchema, model.proto));
}

/** Adds an initializer whose bytes come from `source`. */
export function addStoredTensor(
  model: OnnxModel,
  name: string,
  dataType: number,
  dims: readonly number[],
  source: TensorSource,
): void {
  const tensor = create(TensorProtoSchema, { name, dataType, dims: dims.map(BigInt) });
  model.graph.initializer.push(tensor);
  model.sources.set(tensor, source);
}

/** Everything around the graph, and the graph's span (protobuf merges a field given twice, so there may be several). */
function splitModel(scanner: WireScanner, size: number): { outer: Span[]; graphs: Span[] } {
  const outer: Span[] = [];
  const graphs: Span[] = [];
  for (const field of scanner.fields({ start: 0, end: size })) {
    if (field.number === MODEL_GRAPH && field.wireType === 2) graphs.push(field.payload);
    else outer.push(field.whole);
  }
  return { outer, graphs };
}

function splitGraph(scanner: WireScanner, graph: Span): { rest: Span[]; initializers: Span[] } {
  const rest: Span[] = [];
  const initializers: Span[] = [];
  for (const field of scanner.fields(graph)) {
    if (field.number === GRAPH_INITIALIZER && field.wireType === 2) initializers.push(field.payload);
    else rest.push(field.whole);
  }
  return { rest, initializers };
}

function decodeSkeleton(path: string, scanner: WireScanner, outer: readonly Span[], graph: readonly Span[]): ModelProto {
  const bytes = [...outer, ...graph].reduce((sum, { start, end }) => sum + end - start, 0);
  if (bytes > MAX_MESSAGE_BYTES) throw new RerankError('model_files', `cannot open ${path}: its graph has ${bytes} bytes`);
  const inner = Buffer.concat(graph.map((span) => scanner.bytes(span)));
  const parts = [...outer.map((span) => scanner.bytes(span)), fieldHead(MODEL_GRAPH, inner.length), inner];
  return decode(path, ModelProtoSchema, Buffer.concat(parts));
}

function decode<Desc extends DescMessage>(path: string, schema: Desc, bytes: Uint8Array): MessageShape<Desc> {
  try {
    return fromBinary(schema, bytes);
  } catch (error) {
    throw new RerankError('model_files', `cannot open ${path}: not an ONNX file, or damaged: ${(error as Error).message}`);
  }
}

interface Target {
  readonly path: string;
  readonly scanner: WireScanner;
  readonly graph: GraphProto;
  readonly sources: Map<TensorProto, TensorSource>;
}

function addInitializer({ path, scanner, graph, sources }: Target, span: Span): void {
  const fields = [...scanner.fields(span)];
  const isLarge = (field: WireField): boolean =>
    field.number === TENSOR_RAW_DATA && field.payload.end - field.payload.start > INLINE_BYTES;
  const raw = fields.findLast(isLarge);
  const kept = fields.filter((field) => !isLarge(field)).map((field) => scanner.bytes(field.whole));
  const tensor = decode(path, TensorProtoSchema, Buffer.concat(kept));
  graph.initializer.push(tensor);
  if (raw !== undefined) sources.set(tensor, new FileRange(path, raw.payload.start, raw.payload.end - raw.payload.start));
  else if (tensor.dataLocation === EXTERNAL) sources.set(tensor, externalRange(path, tensor));
}

function externalRange(path: string, tensor: TensorProto): FileRange {
  const entries = new Map(tensor.externalData.map(({ key, value }) => [key, value]));
  const location = normalize(entries.get('location') ?? '');
  if (location === '.' || isAbsolute(location) || location.split(/[\\/]/).includes('..')) {
    throw new RerankError('model_files', `${path}: the weights '${tensor.name}' lie outside the model's directory (${location})`);
  }
  const offset = Number(entries.get('offset') ?? 0);
  const length = Number(entries.get('length') ?? tensorBytes(path, tensor));
  if (![offset, length].every((value) => Number.isSafeInteger(value) && value >= 0))
    throw new RerankError('model_files', `${path}: '${tensor.name}' lies at no place in ${location}`);
  return new FileRange(join(dirname(path), location), offset, length);
}

/** Where the weights of nodes and inner graphs lie that are not in the message. */
function innerRanges(path: string, { node }: GraphProto): FileRange[] {
  return node.flatMap(({ attribute }) =>
    attribute.flatMap(({ t, g, graphs }) => {
      const inner = g === undefined ? graphs : [g, ...graphs];
      const tensors = [...(t === undefined ? [] : [t]), ...inner.flatMap(({ initializer }) => initializer)];
      const own = tensors.filter(({ dataLocation }) => dataLocation === EXTERNAL).map((tensor) => externalRange(path, tensor));
      return [...own, ...inner.flatMap((graph) => innerRanges(path, graph))];
    }),
  );
}

function tensorBytes(path: string, tensor: TensorProto): number {
  const size = ELEMENT_BYTES[tensor.dataType];
  if (size === undefined) throw new RerankError('model_files', `${path}: '${tensor.name}' has data type ${tensor.dataType}`);
  return size * elementCount(tensor.dims.map(Number));
}

function writeSource(file: number, offset: number, source: TensorSource, onBytes: (count: number) => void): number {
  let written = 0;
  for (const chunk of source.chunks()) {
    writeFully(file, chunk, offset + written);
    written += chunk.length;
    onBytes(chunk.length);
  }
  return written;
}

function pointTo(tensor: TensorProto, location: string, offset: number, length: number): void {
  const entries = { location, offset: String(offset), length: String(length) };
  tensor.externalData = Object.entries(entries).map(([key, value]) => create(StringStringEntryProtoSchema, { key, value }));
  tensor.dataLocation = EXTERNAL;
}

function writeSynced(path: string, bytes: Uint8Array): void {
  const file = openSync(path, 'w');
  try {
    writeFully(file, bytes, 0);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function writeFully(file: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done, bytes.length - done, position + done);
}
