// The body of GET /info: text-embeddings-inference's fields, then what it does not tell. Paths of the machine stay out.

import { basename, isAbsolute, relative } from 'node:path';
import { z } from 'zod';
import type { ModelSpec, ScorerStatus, SessionFacts } from '../protocol.ts';
import { VERSION } from '../version.ts';
import type { AppDependencies } from './dependencies.ts';

const labelMaps = z.strictObject({ id2label: z.record(z.string(), z.string()), label2id: z.record(z.string(), z.int()) });

const modelSchema = {
  architecture: z.string().nullable(),
  onnx_file: z.string(),
  activation: z.string(),
  activation_source: z.string(),
  labels: z.array(z.string()),
  max_input_length_source: z.string(),
  prompt_names: z.array(z.string()),
  default_prompt_name: z.string().nullable(),
  pair_template: z.boolean(),
};

export const infoSchema = z.strictObject({
  model_id: z.string(),
  model_sha: z.string().nullable(),
  model_dtype: z.string().nullable(),
  served_model_name: z.string(),
  model_type: z.union([z.strictObject({ reranker: labelMaps }), z.strictObject({ classifier: labelMaps })]),
  max_concurrent_requests: z.null(),
  max_input_length: z.int(),
  max_batch_tokens: z.null(),
  max_batch_requests: z.null(),
  max_client_batch_size: z.int(),
  auto_truncate: z.boolean(),
  tokenization_workers: z.int(),
  version: z.string(),
  sha: z.null(),
  docker_label: z.null(),
  ...modelSchema,
  workers: z.int(),
  ready_workers: z.int(),
  lost_workers: z.int(),
  packed_weights: z.boolean().nullable(),
  padding_share: z.number().min(0).max(1).nullable(),
  payload_limit: z.int(),
  request_timeout_seconds: z.number(),
  max_queue_seconds: z.number(),
  runtime: z.strictObject({ node: z.string(), onnxruntime: z.string().nullable() }),
});

type ServerInfo = z.infer<typeof infoSchema>;

/**
 * What the server is and which limits hold. Lengths in tokens.
 * null stands where text-embeddings-inference has a limit and we have none: work is bounded by `max_queue_seconds`.
 *
 * @see https://github.com/huggingface/text-embeddings-inference/blob/0d124dc/router/src/lib.rs#L588
 */
export function serverInfo(dependencies: AppDependencies): ServerInfo {
  const { scorer, settings } = dependencies;
  const { spec } = scorer;
  const status = scorer.status();
  const facts = status.state === 'starting' ? null : factsOrNull(scorer);
  return {
    model_id: spec.id,
    model_sha: spec.revision,
    model_dtype: facts?.dtype ?? null,
    served_model_name: settings.servedModelName ?? spec.id,
    model_type: modelType(spec.labels),
    max_concurrent_requests: null,
    max_input_length: spec.maxLength,
    max_batch_tokens: null,
    max_batch_requests: null,
    max_client_batch_size: settings.maxClientBatchSize,
    auto_truncate: true,
    tokenization_workers: status.workers,
    version: VERSION,
    sha: null,
    docker_label: null,
    ...describeModel(spec),
    workers: status.workers,
    ready_workers: status.readyWorkers,
    lost_workers: status.lostWorkers,
    packed_weights: facts?.packed ?? null,
    padding_share: paddingShare(status),
    payload_limit: settings.payloadLimitBytes,
    request_timeout_seconds: settings.requestTimeoutSeconds,
    max_queue_seconds: settings.maxQueueSeconds,
    runtime: { node: process.versions.node, onnxruntime: facts?.runtimeVersion ?? null },
  };
}

/** Share of the token slots run since the start that were padding, 0..1; null before the first run. */
function paddingShare({ tokens, tokenSlots }: ScorerStatus): number | null {
  return tokenSlots === 0 ? null : (tokenSlots - tokens) / tokenSlots;
}

function describeModel(spec: ModelSpec): z.infer<z.ZodObject<typeof modelSchema>> {
  return {
    architecture: spec.architecture,
    onnx_file: onnxFileName(spec),
    activation: spec.activation,
    activation_source: spec.activationSource,
    labels: [...spec.labels],
    max_input_length_source: spec.maxLengthSource,
    prompt_names: Object.keys(spec.prompts),
    default_prompt_name: spec.defaultPromptName,
    pair_template: spec.pairTemplate !== null,
  };
}

/** text-embeddings-inference calls one label a reranker, several a classifier. */
function modelType(labels: readonly string[]): ServerInfo['model_type'] {
  const id2label = Object.fromEntries(labels.map((label, id) => [String(id), label]));
  const label2id = Object.fromEntries(labels.map((label, id) => [label, id]));
  return labels.length === 1 ? { reranker: { id2label, label2id } } : { classifier: { id2label, label2id } };
}

function onnxFileName({ directory, onnxFile }: ModelSpec): string {
  if (!isAbsolute(onnxFile)) return onnxFile;
  const inside = relative(directory, onnxFile);
  return inside.startsWith('..') ? basename(onnxFile) : inside;
}

/** Facts are known once the first worker has opened the model. */
function factsOrNull(scorer: AppDependencies['scorer']): SessionFacts | null {
  try {
    return scorer.facts;
  } catch {
    return null;
  }
}
