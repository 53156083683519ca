// Real metrics of a model called 'fake', for servers under test.

import { DIALECTS } from '../../src/http/dialects/dialect-list.ts';
import { type MetricsOptions, ServerMetrics } from '../../src/metrics.ts';

/** All dialects, 512 tokens, 30 s of queue. */
export function testMetrics(options: Partial<MetricsOptions> = {}): ServerMetrics {
  const dialects = DIALECTS.map(({ name }) => name);
  return new ServerMetrics({
    modelName: 'fake',
    dialects,
    maxInputLength: 512,
    maxQueueSeconds: 30,
    memoryLimitBytes: 1_000_000_000,
    ...options,
  });
}
