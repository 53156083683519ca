// What the rewriting of matrix products and tables shares: the graph, its constants, and what became of a node.

import { create } from '@bufbuild/protobuf';
import { ConstantReader } from './constant-reader.ts';
import type { ConstantTensor } from './constant-tensor.ts';
import { DATA_TYPE } from './data-types.ts';
import { GraphView } from './graph-view.ts';
import { type NodeProto, TensorProtoSchema } from './onnx_pb.ts';
import { addStoredTensor, type OnnxModel } from './onnx-model.ts';
import type { QuantizedMatrix } from './quantize-matrix.ts';

/** New nodes in place of one, or why it stays as it is; null for a node that is not ours. */
export type Rewritten = { readonly nodes: readonly NodeProto[] } | { readonly kept: string } | null;

/** Names of the two initializers of a quantised matrix. */
export interface StoredMatrix {
  readonly values: string;
  readonly scales: string;
}

/** One graph being rewritten. */
export class Rewrite {
  readonly view: GraphView;
  readonly #model: OnnxModel;
  readonly #constants: ConstantReader;
  readonly #stored = new Map<string, StoredMatrix>();

  constructor(model: OnnxModel) {
    this.#model = model;
    this.view = new GraphView(model);
    this.#constants = new ConstantReader(this.view, model.sources);
  }

  /** A value as a float matrix, or why it is none. */
  floatMatrix(name: string): ConstantTensor | string {
    const tensor = this.#constants.read(name);
    if (typeof tensor === 'string') return `its weights come through ${tensor}`;
    if (tensor.dims.length !== 2) return `its weights have ${tensor.dims.length} dimensions`;
    if (tensor.dims.includes(0)) return 'its weights are empty';
    const isFloat = tensor.dataType === DATA_TYPE.float || tensor.dataType === DATA_TYPE.float16;
    return isFloat ? tensor : `its weights have data type ${tensor.dataType}`;
  }

  /**
   * Adds the two initializers of a quantised matrix, once for each key. Values stand first: they are written first.
   *
   * @param scaleDims shape of the scales
   */
  store(key: string, dims: readonly number[], scaleDims: readonly number[], quantize: () => QuantizedMatrix): StoredMatrix {
    const known = this.#stored.get(key);
    if (known !== undefined) return known;
    const stored = { values: this.view.freshName(`${key}.int8`), scales: this.view.freshName(`${key}.scale`) };
    const { values, scales } = quantize();
    addStoredTensor(this.#model, stored.values, DATA_TYPE.int8, dims, values);
    addStoredTensor(this.#model, stored.scales, DATA_TYPE.float, scaleDims, scales);
    this.#stored.set(key, stored);
    return stored;
  }

  /** Adds a float32 number. */
  scalar(stem: string, value: number): string {
    const name = this.view.freshName(stem);
    this.#model.graph.initializer.push(create(TensorProtoSchema, { name, dataType: DATA_TYPE.float, floatData: [value] }));
    return name;
  }
}
