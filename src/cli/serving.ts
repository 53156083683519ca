// What a serving process does, whether it is alone or one of several: bugs end it in order, and it says what it serves.

import { type Config, coloursWanted } from '../config.ts';
import { DIALECTS } from '../http/dialects/dialect-list.ts';
import { memoryLimitBytes } from '../limits.ts';
import { createLogger, type Logger } from '../logger.ts';
import { ServerMetrics } from '../metrics.ts';
import type { ModelSpec } from '../protocol.ts';
import type { Engine, Lifecycle } from './lifecycle.ts';

export function serveLogger({ logLevel, jsonOutput }: Config): Logger {
  const terminal = process.stderr.isTTY === true;
  // A log whose reader is gone is no reason to end; and as a bug it would be logged, which fails again, for ever.
  process.stderr.on('error', () => {});
  const json = jsonOutput ?? !terminal;
  return createLogger({ level: logLevel, json, colour: terminal && coloursWanted(), stream: process.stderr });
}

/** The series of this process. */
export function createMetrics({ servedModelName, maxQueueSeconds }: Config, spec: ModelSpec): ServerMetrics {
  return new ServerMetrics({
    modelName: servedModelName ?? spec.id,
    dialects: DIALECTS.map(({ name }) => name),
    maxInputLength: spec.maxLength,
    maxQueueSeconds,
    memoryLimitBytes: memoryLimitBytes(),
  });
}

export function metricsUrl({ metricsServer }: Lifecycle): string | undefined {
  return metricsServer === null ? undefined : `${metricsServer.url}/metrics`;
}

/** A bug may have left anything half done: accepted work gets its chance, then the supervisor starts us anew. */
export function endOnBugs(logger: Logger, end: (reason: string) => void): void {
  const fail = (error: unknown) => {
    process.exitCode = 1;
    logger.error('bug: an error nobody handled', { error });
    end('internal error');
  };
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
}

/** Fields of the log line `ready`. */
export function servingFacts(config: Config, { scorer: { spec } }: Engine, { server }: Lifecycle) {
  return {
    url: server.url,
    model: config.servedModelName ?? spec.id,
    workers: config.workers,
    max_length: spec.maxLength,
    activation: spec.activation,
  };
}

/** On a terminal, what to type to see it work. */
export function showExample(url: string): void {
  if (process.stderr.isTTY === true) process.stderr.write(`\n  try it:\n\n    ${curlExample(url)}\n\n`);
}

function curlExample(url: string): string {
  const body = { query: 'what is a panda?', documents: ['The giant panda is a bear.', 'Hello.'] };
  return `curl -s ${url}/rank -H 'Content-Type: application/json' -d '${JSON.stringify(body)}'`;
}
