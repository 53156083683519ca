// Sends spans as OTLP/HTTP JSON. A collector that is slow or gone costs spans and one log line, never a request or the end of the process.

import * as http from 'node:http';
import * as https from 'node:https';
import type { Duplex } from 'node:stream';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import type { SpanExporter } from '@opentelemetry/sdk-trace-base';
import type { Logger } from '../logger.ts';
import type { TraceSettings } from './trace-settings.ts';

/** For one export, its retries included; also how long the end of the process may wait for the last one. */
export const EXPORT_TIMEOUT_MS = 3000;

/** `ExportResultCode.SUCCESS` of @opentelemetry/core, which is not a dependency of ours. */
const SUCCESS = 0;

export function spanExporter({ url, headers }: TraceSettings, logger: Logger): SpanExporter {
  const exporter = new OTLPTraceExporter({
    url,
    headers: { ...headers },
    timeoutMillis: EXPORT_TIMEOUT_MS,
    httpAgentOptions: (protocol) => looseAgent(protocol),
  });
  let failing = false;
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        const failed = result.code !== SUCCESS;
        if (failed && !failing)
          logger.warn('spans cannot be sent and are dropped', { url: withoutSecrets(url), error: result.error });
        if (!failed && failing) logger.info('spans are sent again', { url: withoutSecrets(url) });
        failing = failed;
        done(result);
      });
    },
    forceFlush: () => exporter.forceFlush(),
    shutdown: () => exporter.shutdown(),
  };
}

/** Its sockets do not keep the process alive, and one that cannot connect times out, which the exporter itself does not see to. */
function looseAgent(protocol: string): http.Agent | https.Agent {
  const agent =
    protocol === 'https:' ? new https.Agent({ timeout: EXPORT_TIMEOUT_MS }) : new http.Agent({ timeout: EXPORT_TIMEOUT_MS });
  const connect = agent.createConnection.bind(agent) as (...args: unknown[]) => Duplex & { unref?(): void };
  return Object.assign(agent, {
    createConnection: (...args: unknown[]) => {
      const socket = connect(...args);
      socket.unref?.();
      return socket;
    },
  });
}

function withoutSecrets(url: string): string {
  const shown = new URL(url);
  shown.username = '';
  shown.password = '';
  shown.search = '';
  return shown.href;
}
