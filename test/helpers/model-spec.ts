// A ModelSpec for tests that need no model on disk.

import type { ModelSpec } from '../../src/protocol.ts';

/** A one-label sigmoid model of 512 tokens, changed by `overrides`. */
export function fakeSpec(overrides: Partial<ModelSpec> = {}): ModelSpec {
  return {
    id: 'fake',
    directory: '/nonexistent',
    revision: null,
    onnxFile: '/nonexistent/model.onnx',
    tokenizerFile: '/nonexistent/tokenizer.json',
    tokenizerConfig: {},
    modelType: 'bert',
    architecture: 'BertForSequenceClassification',
    labels: ['LABEL_0'],
    maxLength: 512,
    maxLengthSource: 'test',
    padTokenId: 0,
    padSide: 'right',
    doLowerCase: false,
    prompts: {},
    defaultPromptName: null,
    activation: 'sigmoid',
    activationSource: 'test',
    pairTemplate: null,
    knownPair: null,
    hiddenSize: 128,
    numLayers: 2,
    numHeads: 2,
    intermediateSize: 512,
    warnings: [],
    ...overrides,
  };
}
