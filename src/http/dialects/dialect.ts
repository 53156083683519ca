// The dialect port: what one wire contract must say of itself. Everything else in http is the same for all dialects.

import type { RerankError } from '../../errors.ts';
import type { ModelSpec } from '../../protocol.ts';
import type {
  CallContext,
  CallFacts,
  PredictRequest,
  PredictResult,
  RankRequest,
  RankResult,
  RerankService,
} from '../../rerank/types.ts';

/** A wire contract: its routes, and how it words every failure. */
export interface Dialect {
  readonly name: string;
  readonly routes: readonly Route[];
  /** Turns any failure into this contract's answer; the status is the error's unless the contract says otherwise. */
  renderError(error: RerankError, requestId: string): ErrorAnswer;
}

export interface ErrorAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** One path of a dialect. Build it with {@link rankRoute}, {@link predictRoute} or {@link fixedRoute}. */
export interface Route {
  readonly method: 'GET' | 'POST';
  /** With and without a trailing slash, any case. */
  readonly path: string;
  /**
   * Where several dialects share a path, the first in the list whose `claims` accepts the parsed body takes it.
   * A route without `claims` takes what is left, and its dialect answers what fails before the body is understood.
   */
  readonly claims?: (body: unknown) => boolean;
  answer(body: unknown, exchange: Exchange): Promise<Answer> | Answer;
}

/** What a route works with. */
export interface Exchange {
  readonly service: RerankService;
  readonly model: ModelSpec;
  readonly limits: RequestLimits;
  readonly call: CallContext;
}

export interface RequestLimits {
  /** Documents or pairs in one request. */
  readonly maxDocuments: number;
}

export interface Answer {
  readonly body: unknown;
  /** Of the call, for the access log and the timing header; absent when nothing was scored. */
  readonly facts?: CallFacts;
  /** Pairs scored. */
  readonly pairs?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What rendering may know besides the result. */
export interface RenderContext {
  readonly requestId: string;
  readonly model: ModelSpec;
}

/** A parsed body: the domain's request, and what only the rendering needs (`return_documents`, the documents). */
export interface Parsed<Request, View> {
  readonly request: Request;
  readonly view: View;
}

interface ScoringRoute<Request, Result, View> extends Pick<Route, 'path' | 'claims'> {
  /** @throws RerankError when the body does not fit the contract */
  parse(body: unknown, limits: RequestLimits): Parsed<Request, View>;
  render(result: Result, view: View, context: RenderContext): unknown;
  headers?(result: Result): Readonly<Record<string, string>>;
}

/** A POST route that ranks. */
export function rankRoute<View>(route: ScoringRoute<RankRequest, RankResult, View>): Route {
  return scoringRoute(
    route,
    (service, request, call) => service.rank(request, call),
    (request) => request.documents.length,
  );
}

/** A POST route that scores pairs. */
export function predictRoute<View>(route: ScoringRoute<PredictRequest, PredictResult, View>): Route {
  return scoringRoute(
    route,
    (service, request, call) => service.predict(request, call),
    (request) => request.pairs.length,
  );
}

/** A GET route with a constant body. */
export function fixedRoute(path: string, body: unknown): Route {
  return { method: 'GET', path, answer: () => ({ body }) };
}

function scoringRoute<Request, Result extends CallFacts, View>(
  route: ScoringRoute<Request, Result, View>,
  score: (service: RerankService, request: Request, call: CallContext) => Promise<Result>,
  countPairs: (request: Request) => number,
): Route {
  return {
    method: 'POST',
    path: route.path,
    ...(route.claims && { claims: route.claims }),
    async answer(body, { service, model, limits, call }) {
      const { request, view } = route.parse(body, limits);
      const result = await score(service, request, call);
      return {
        body: route.render(result, view, { requestId: call.id, model }),
        facts: result,
        pairs: countPairs(request),
        ...(route.headers && { headers: route.headers(result) }),
      };
    },
  };
}
