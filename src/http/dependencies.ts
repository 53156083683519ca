// What the front end is given; nothing in http reaches for anything else.

import type { Config } from '../config.ts';
import type { Logger } from '../logger.ts';
import type { Scorer } from '../protocol.ts';
import type { RerankService } from '../rerank/types.ts';
import type { BodyBudget } from './body-budget.ts';
import type { RequestObserver } from './request-report.ts';
import type { RequestTracer } from './request-trace.ts';

export interface AppDependencies {
  readonly service: RerankService;
  /** For status and model facts only; scoring goes through the service. */
  readonly scorer: Pick<Scorer, 'spec' | 'facts' | 'status'>;
  readonly settings: HttpSettings;
  readonly logger: Logger;
  /** True from the first shutdown signal on: readiness has ended. */
  readonly isDraining: () => boolean;
  /** True from `--drain-delay` after that on: new work is refused, accepted work finishes. */
  readonly refusesWork: () => boolean;
  /** What GET /metrics answers. */
  readonly metrics: MetricsText;
  /** Told of every request but probes. */
  readonly observer: RequestObserver;
  readonly tracer: RequestTracer;
  /** Of bodies and answers in flight, where others look at it, too; by default one of the application's own. */
  readonly budget?: BodyBudget;
}

/** The series of this process, or of all processes that share its port. */
export interface MetricsText {
  readonly contentType: string;
  text(): Promise<string>;
}

export type HttpSettings = Pick<
  Config,
  | 'servedModelName'
  | 'strictModel'
  | 'dialect'
  | 'payloadLimitBytes'
  | 'maxInflightBytes'
  | 'maxClientBatchSize'
  | 'requestTimeoutSeconds'
  | 'maxQueueSeconds'
  | 'hostname'
  | 'allowedHosts'
  | 'corsAllowOrigins'
  | 'apiKeys'
  | 'fileApiKeys'
  | 'metricsAuth'
>;
