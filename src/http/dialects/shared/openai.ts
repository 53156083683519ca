// OpenAI's forms, which vLLM, llama.cpp, Infinity and the superset answer with: error types and the list of models.

import { z } from 'zod';
import type { ErrorCode } from '../../../errors.ts';
import type { ModelFacts, Route } from '../dialect.ts';
import { factsRoute } from '../routes.ts';
import { unixSeconds } from './vendor.ts';

/** `type` of an error as llama.cpp and OpenAI name it. */
export function openAiErrorType(code: ErrorCode): string {
  return ERROR_TYPES[code] ?? 'invalid_request_error';
}

const ERROR_TYPES: Readonly<Partial<Record<ErrorCode, string>>> = {
  unauthorized: 'authentication_error',
  host_not_allowed: 'permission_error',
  origin_not_allowed: 'permission_error',
  not_found: 'not_found_error',
  model_not_found: 'not_found_error',
  not_a_reranker: 'not_supported_error',
  overloaded: 'unavailable_error',
  not_ready: 'unavailable_error',
  draining: 'unavailable_error',
  deadline: 'unavailable_error',
  inference: 'server_error',
  internal: 'server_error',
  config: 'server_error',
  model_files: 'server_error',
};

const modelSchema = z.strictObject({
  id: z.string(),
  object: z.literal('model'),
  created: z.int(),
  owned_by: z.string(),
  root: z.string(),
  parent: z.null(),
  max_model_len: z.int(),
  capabilities: z.array(z.string()),
});

const modelsSchema = z.strictObject({ object: z.literal('list'), data: z.array(modelSchema) });

/** A GET route with the one model, in OpenAI's form with vLLM's and Infinity's additions. */
export function modelsRoute(path: string): Route {
  return factsRoute({ path, summary: 'List the model', answerSchema: modelsSchema, render: renderModels });
}

function renderModels({ model, modelName }: ModelFacts): z.infer<typeof modelsSchema> {
  const entry = {
    id: modelName,
    object: 'model',
    created: unixSeconds(),
    owned_by: 'crossrank',
    root: model.id,
    parent: null,
    max_model_len: model.maxLength,
    capabilities: model.labels.length === 1 ? ['rerank'] : ['classify'],
  } as const;
  return { object: 'list', data: [{ ...entry, capabilities: [...entry.capabilities] }] };
}
