// Builders of routes: bound, schema, model name, service, rendering, in this order, the same for every dialect.

import { z } from 'zod';
import { RerankError } from '../../errors.ts';
import type {
  CallFacts,
  PredictRequest,
  PredictResult,
  RankRequest,
  RankResult,
  TokenizeRequest,
  TokenizeResult,
} from '../../rerank/types.ts';
import { shorten } from '../../short-text.ts';
import type { Exchange, ModelFacts, Parsed, RenderContext, Route, RouteDescription } from './dialect.ts';
import { checkCount, parseBody } from './shared/validation.ts';

interface ScoringRoute<Schema extends z.ZodType, Request, Result, View> extends RouteDescription, Pick<Route, 'path' | 'claims'> {
  readonly schema: Schema;
  /** Fields whose lists the server bounds; their lengths are looked at before their items. */
  readonly lists: readonly string[];
  /** Message about a list that is too long, where the contract has its own. */
  tooMany?(count: number, limit: number): string;
  /** @throws RerankError when fields that are right one by one do not fit together */
  read(fields: z.output<Schema>, facts: ModelFacts): Parsed<Request, View>;
  render(result: Result, view: View, context: RenderContext): unknown;
  headers?(result: Result, view: View): Readonly<Record<string, string>>;
}

/**
 * A POST route that ranks.
 *
 * @returns its answer throws RerankError `not_a_reranker` on a model with several labels, `model_not_found` under `--strict-model`,
 *   `too_many_documents`, `validation`, and what the service throws
 */
export function rankRoute<Schema extends z.ZodType, View>(route: ScoringRoute<Schema, RankRequest, RankResult, View>): Route {
  return scoringRoute(
    route,
    async ({ service, model, call }, request) => {
      if (model.labels.length !== 1) throw notAReranker(model.labels.length);
      return service.rank(request, call);
    },
    (request) => request.documents.length,
  );
}

/** A POST route that scores pairs. @returns its answer throws as that of {@link rankRoute}, less the one about labels */
export function predictRoute<Schema extends z.ZodType, View>(
  route: ScoringRoute<Schema, PredictRequest, PredictResult, View>,
): Route {
  return scoringRoute(
    route,
    ({ service, call }, request) => service.predict(request, call),
    (request) => request.pairs.length,
  );
}

/** A POST route that tells the tokens of texts. @returns its answer throws `too_many_documents`, `validation`, and what the service throws */
export function tokenizeRoute<Schema extends z.ZodType>(
  route: Pick<Route, 'path' | 'summary' | 'examples' | 'answerSchema'> &
    Pick<ScoringRoute<Schema, never, never, never>, 'schema' | 'lists' | 'tooMany'> & {
      read(fields: z.output<Schema>, facts: ModelFacts): TokenizeRequest;
      render(result: TokenizeResult): unknown;
    },
): Route {
  const { path, summary, schema, examples, answerSchema } = route;
  return {
    method: 'POST',
    path,
    summary,
    schema,
    examples,
    answerSchema,
    async answer(body, exchange) {
      for (const list of route.lists) checkCount(body, list, exchange.limits, route.tooMany);
      const request = route.read(parseBody(schema, body), exchange);
      const result = await exchange.service.tokenize(request, exchange.call);
      return { body: route.render(result), timing: result.timing };
    },
  };
}

/** A GET route that tells of the model, or a constant. */
export function factsRoute(
  route: Pick<Route, 'path' | 'summary' | 'answerSchema'> & { render(facts: ModelFacts): unknown },
): Route {
  const { path, summary, answerSchema } = route;
  return {
    method: 'GET',
    path,
    summary,
    answerSchema,
    schema: null,
    examples: [],
    answer: (_, facts) => ({ body: route.render(facts) }),
  };
}

/** For contracts that score one label only. */
export function notAReranker(labels: number): RerankError {
  return new RerankError(
    'not_a_reranker',
    `the model has ${labels} labels, so it cannot rank; POST /predict gives its label scores`,
  );
}

function scoringRoute<Schema extends z.ZodType, Request, Result extends CallFacts, View>(
  route: ScoringRoute<Schema, Request, Result, View>,
  score: (exchange: Exchange, request: Request) => Promise<Result>,
  countPairs: (request: Request) => number,
): Route {
  const { path, claims, summary, schema, examples, answerSchema } = route;
  const fieldNames = schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
  return {
    method: 'POST',
    path,
    ...(claims && { claims }),
    summary,
    schema,
    examples,
    answerSchema,
    async answer(body, exchange) {
      for (const list of route.lists) checkCount(body, list, exchange.limits, route.tooMany);
      const { request, view, model, refuseTruncated } = route.read(parseBody(schema, body, fieldNames), exchange);
      exchange.notePairs(countPairs(request));
      checkModel(model, exchange);
      const result = await score(exchange, request);
      if (refuseTruncated === true) checkUncut(result, exchange);
      return {
        body: route.render(result, view, { requestId: exchange.call.id, model: exchange.model, modelName: exchange.modelName }),
        facts: result,
        timing: result.timing,
        pairs: countPairs(request),
        ...(route.headers && { headers: route.headers(result, view) }),
      };
    },
  };
}

function checkModel(asked: string | null | undefined, { strictModel, modelName }: Exchange): void {
  if (!strictModel || asked === null || asked === undefined || asked === modelName) return;
  throw new RerankError('model_not_found', `model '${shorten(asked)}' not found; this server has '${modelName}'`, {
    field: 'model',
  });
}

/** Whether a text fits is known once it has been tokenised, which happens where it is scored. */
function checkUncut({ truncated }: CallFacts, { model }: Exchange): void {
  if (truncated.length === 0) return;
  throw new RerankError(
    'validation',
    `inputs must have at most ${model.maxLength} tokens unless truncation is on; too long: index ${truncated[0]}` +
      (truncated.length > 1 ? ` and ${truncated.length - 1} more` : ''),
  );
}
