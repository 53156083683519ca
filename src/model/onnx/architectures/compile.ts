// A configuration and a checkpoint -> the graph of a cross-encoder; its weights stay in their files until written.

import { RerankError } from '../../../errors.ts';
import { FLOAT, GraphBuilder } from '../graph-builder.ts';
import type { OnnxModel } from '../onnx-model.ts';
import { pruneGraph } from '../prune-graph.ts';
import type { Checkpoint } from '../safetensors/checkpoint.ts';
import type { Architecture } from './architecture.ts';
import { CLASSIFIERS, findArchitecture, findBody } from './architecture-list.ts';
import { Config } from './config.ts';
import { causalScorers, type ScoreTokens } from './decoder.ts';
import { Net } from './net.ts';
import { modularArchitecture, modularLabels, type SentenceModule } from './sentence-modules.ts';
import { Tokens } from './tokens.ts';
import { Weights } from './weights.ts';

export interface CompileOptions {
  /** Without the input `attention_mask`: only for runs without padding, where it changes nothing. */
  readonly maskless?: boolean;
  /**
   * With keys and values of tokens that were computed before: for each layer N the float32 inputs `past_key.N` and
   * `past_value.N`, `[batch, heads, past, size]`, with a past of 0 where nothing was, and the outputs `key.N` and
   * `value.N` of these tokens. A score then costs the tokens behind the common beginning alone. Only for models in
   * which no token sees a later one, and without mask.
   */
  readonly past?: boolean;
  /** The last layer for every token, although the head reads one: only to show that it changes nothing. */
  readonly everyToken?: boolean;
}

/** Which tokens' logits are a causal model's score. */
export interface CausalOptions extends CompileOptions, ScoreTokens {}

/**
 * Builds the graph of a `...ForSequenceClassification` model: token ids in, `logits` `[batch, labels]` out.
 *
 * Inputs are int64 `[batch, length]`: `input_ids`, `attention_mask`, and `token_type_ids` where the model has types.
 * Weights become float32 while the graph is written; memory then stays with the largest matrix.
 *
 * @param config the parsed config.json
 * @throws RerankError `model_files` when the architecture is not known, a setting is not supported, or a weight is
 *   missing, left over, of another shape, or not stored as floats
 */
export function compileClassifier(config: unknown, checkpoint: Checkpoint, options: CompileOptions = {}): OnnxModel {
  const settings = new Config(config);
  const weights = new Weights(checkpoint);
  return build(
    findArchitecture(CLASSIFIERS, settings, weights),
    { settings, weights, files: checkpoint.files },
    settings.labels,
    options,
  );
}

/**
 * Builds the graph of a `...ForCausalLM` model that is scored by tokens: `logits` is `[batch, 1]`, the logit of the
 * true token at the last position less that of the false one. Nothing else of the vocabulary is computed.
 *
 * @throws RerankError `model_files` as {@link compileClassifier}
 */
export function compileCausalScorer(config: unknown, checkpoint: Checkpoint, options: CausalOptions): OnnxModel {
  const settings = new Config(config);
  const weights = new Weights(checkpoint);
  return build(
    findArchitecture(causalScorers(options), settings, weights),
    { settings, weights, files: checkpoint.files },
    1,
    options,
  );
}

/**
 * Builds the graph of a cross-encoder of modules: a transformer without head, a pooling, dense layers, norms.
 *
 * @param config the transformer's parsed config.json
 * @param modules those behind the transformer, in order
 * @throws RerankError `model_files` as {@link compileClassifier}, or when a module or its setting is not supported
 */
export function compileModules(
  config: unknown,
  checkpoint: Checkpoint,
  modules: readonly SentenceModule[],
  options: CompileOptions = {},
): OnnxModel {
  const settings = new Config(config);
  const weights = new Weights(checkpoint);
  const files = [checkpoint, ...modules.map((module) => module.checkpoint)].flatMap((each) => each?.files ?? []);
  const architecture = modularArchitecture(findBody(settings, weights), modules);
  return build(architecture, { settings, weights, files }, modularLabels(modules), options);
}

interface Source {
  readonly settings: Config;
  readonly weights: Weights;
  readonly files: readonly string[];
}

function build(
  architecture: Architecture,
  { settings, weights, files }: Source,
  labels: number,
  options: CompileOptions,
): OnnxModel {
  if (options.past === true && architecture.continues?.(settings) !== true)
    throw new RerankError(
      'model_files',
      `${architecture.name} sees tokens that come later: what comes before cannot be computed alone`,
    );
  const net = new Net(new GraphBuilder(architecture.name), settings, weights);
  const lastBefore = architecture.lastBefore?.(settings) ?? null;
  const tokens = new Tokens(net, { maskless: options.maskless ?? false, lastBefore, past: options.past ?? false });
  const logits = architecture.head(net, statesFor(architecture, net, tokens, options), tokens);
  weights.finish(architecture.harmless);
  net.graph.node('Identity', [logits], {}, 'logits');
  net.graph.output('logits', FLOAT, ['batch_size', labels]);
  const model = { ...net.graph.model, files };
  // Builders ask for positions and constants before it is known who reads them.
  pruneGraph(model);
  return model;
}

/** What the head reads: `[batch, size]`, or all states. */
function statesFor({ body, reads }: Architecture, net: Net, tokens: Tokens, { everyToken }: CompileOptions): string {
  const read = tokens.queries(reads(net.config));
  const wanted = everyToken ? tokens.queries('all') : read;
  const states = body({ net, tokens, wanted });
  if (read.reads === 'all') return states;
  return net.node('Squeeze', everyToken ? read.select(states) : states, net.integer(1));
}
