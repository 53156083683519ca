// The dialect port: what one wire contract must say of itself. Everything else in http is the same for all dialects.

import type { z } from 'zod';
import type { RerankError } from '../../errors.ts';
import type { ModelSpec } from '../../protocol.ts';
import type { CallContext, CallFacts, CallTiming, RerankService } from '../../rerank/types.ts';

/** A wire contract: its routes, and how it words every failure. */
export interface Dialect {
  /** As `--dialect` and the access log name it; lower case. */
  readonly name: string;
  /** As documentation names it. */
  readonly title: string;
  /** The routes are also served below `/name`, where no other dialect takes part. */
  readonly prefixed: boolean;
  readonly routes: readonly Route[];
  /** Of every body {@link renderError} gives. */
  readonly errorSchema: z.ZodType;
  /** Turns any failure into this contract's answer; the status is the error's unless the contract says otherwise. */
  renderError(error: RerankError, requestId: string): ErrorAnswer;
}

export interface ErrorAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** What documentation is generated from; the schemas are also what validates. */
export interface RouteDescription {
  /** One line, no full stop. */
  readonly summary: string;
  /** Of the request body, read as `io: 'input'`; null where there is none. */
  readonly schema: z.ZodType | null;
  /** Bodies that are answered with 200 by a model with one label. */
  readonly examples: readonly object[];
  readonly answerSchema: z.ZodType;
}

/** One path of a dialect. Build it with {@link rankRoute}, {@link predictRoute} or {@link factsRoute} of `routes.ts`. */
export interface Route extends RouteDescription {
  readonly method: 'GET' | 'POST';
  /** With and without a trailing slash, any case. */
  readonly path: string;
  /**
   * Where several dialects share a path, the first one whose `claims` accepts the parsed body takes it, the default dialect before the
   * others. What nobody claims belongs to the path's owner, which also words what fails before the body is understood: the default
   * dialect, or else the first in the list that makes no claims.
   */
  readonly claims?: (body: unknown) => boolean;
  answer(body: unknown, exchange: Exchange): Promise<Answer> | Answer;
}

/** What a route works with. */
export interface Exchange extends ModelFacts {
  readonly service: RerankService;
  /** A request that names another model is refused. */
  readonly strictModel: boolean;
  readonly limits: RequestLimits;
  readonly call: CallContext;
  /** Told how many pairs a request asks for as soon as that is known: one that is then refused is counted with them. */
  readonly notePairs: (pairs: number) => void;
}

/** What is served. */
export interface ModelFacts {
  readonly model: ModelSpec;
  /** Name callers know the model by. */
  readonly modelName: string;
}

export interface RequestLimits {
  /** Documents or pairs in one request. */
  readonly maxDocuments: number;
}

export interface Answer {
  readonly body: unknown;
  /** Of the call, for log and metrics; absent when nothing was scored. */
  readonly facts?: CallFacts;
  /** For the log and the timing header; absent when the workers had no part in it. */
  readonly timing?: CallTiming;
  /** Pairs scored. */
  readonly pairs?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What rendering may know besides the result. */
export interface RenderContext extends ModelFacts {
  readonly requestId: string;
}

/** A body that was understood: the domain's request, and what only the rendering needs (`return_documents`, the documents). */
export interface Parsed<Request, View> {
  readonly request: Request;
  readonly view: View;
  /** The model the caller named, if any; `--strict-model` compares it. */
  readonly model?: string | null | undefined;
  /** The caller would rather have an error than a text cut to fit. */
  readonly refuseTruncated?: boolean;
}
