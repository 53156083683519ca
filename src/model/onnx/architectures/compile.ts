// A configuration and a checkpoint -> the graph of a cross-encoder, whose weights stay in their files until it is written.

import { FLOAT } from '../graph-builder.ts';
import type { OnnxModel } from '../onnx-model.ts';
import type { Checkpoint } from '../safetensors/checkpoint.ts';
import type { Architecture } from './architecture.ts';
import { findArchitecture } from './architecture-list.ts';
import { Config } from './config.ts';
import { Net } from './net.ts';
import { Tokens } from './tokens.ts';
import { Weights } from './weights.ts';

export interface CompileOptions {
  /** Without the input `attention_mask`: only for runs without padding, where it changes nothing. */
  readonly maskless?: boolean;
  /** The last layer for every token, although the head reads one: only to show that it changes nothing. */
  readonly everyToken?: boolean;
}

/**
 * Builds the graph of a `...ForSequenceClassification` model: token ids in, `logits` `[batch, labels]` out.
 *
 * Inputs are int64 `[batch, length]`: `input_ids`, `attention_mask`, and `token_type_ids` where the model has types.
 * Weights become float32 while the graph is written; memory then stays with the largest matrix.
 *
 * @param config the parsed config.json
 * @throws RerankError `model_files` when the architecture is not known, a setting is not supported, or a weight is missing,
 *   left over, of another shape, or not stored as floats
 */
export function compileClassifier(config: unknown, checkpoint: Checkpoint, options: CompileOptions = {}): OnnxModel {
  const settings = new Config(config);
  const weights = new Weights(checkpoint);
  const architecture = findArchitecture(settings, weights);
  const net = new Net(architecture.name, settings, weights);
  const lastBefore = architecture.lastBefore?.(settings) ?? null;
  const tokens = new Tokens(net, { maskless: options.maskless ?? false, lastBefore });
  const logits = architecture.head(net, statesFor(architecture, net, tokens, options), tokens);
  weights.finish(architecture.harmless);
  net.graph.node('Identity', [logits], {}, 'logits');
  net.graph.output('logits', FLOAT, ['batch_size', settings.labels]);
  return { ...net.graph.model, files: checkpoint.files };
}

/** What the head reads: `[batch, size]`, or all states. */
function statesFor({ body, reads }: Architecture, net: Net, tokens: Tokens, { everyToken }: CompileOptions): string {
  const read = tokens.queries(reads(net.config));
  const wanted = everyToken ? tokens.queries('all') : read;
  const states = body({ net, tokens, wanted });
  if (read.reads === 'all') return states;
  return net.node('Squeeze', everyToken ? read.select(states) : states, net.integer(1));
}
