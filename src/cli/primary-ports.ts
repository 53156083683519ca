// The ports of a service of several processes: the primary listens, and the processes get the connections.

import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConnectionDealer } from '../cluster/connection-dealer.ts';
import type { PortName } from '../cluster/messages.ts';
import type { Config } from '../config.ts';
import { listen, startServer } from '../http/server.ts';
import type { Logger } from '../logger.ts';

export interface ChosenPorts {
  readonly port: number;
  /** null without `--prometheus-port`. */
  readonly metricsPort: number | null;
}

const METRICS_FLAG = '--prometheus-port';

/**
 * Free ports are chosen here, once, so that a process that comes later has the same ones.
 *
 * @throws RerankError `config` when they cannot be listened on
 */
export async function choosePorts(config: Config): Promise<ChosenPorts> {
  const { port, prometheusPort } = config;
  const metricsPort = prometheusPort === null ? null : await freePort(config, prometheusPort, METRICS_FLAG);
  return { port: await freePort(config, port, '--port'), metricsPort };
}

async function freePort(config: Config, port: number, portFlag: string): Promise<number> {
  const probe = await startServer(() => {}, { ...config, port }, { portFlag });
  await probe.stop(0);
  return probe.port;
}

/** Nobody says that it takes connections of the metrics where there is no port for them. */
export function createDealers(
  { hostname }: Config,
  { port, metricsPort }: ChosenPorts,
  logger: Logger,
): Readonly<Record<PortName, ConnectionDealer>> {
  return { api: dealerOf(hostname, port, logger), metrics: dealerOf(hostname, metricsPort ?? 0, logger) };
}

const RETRY_MS = 1000;

function dealerOf(hostname: string, port: number, logger: Logger): ConnectionDealer {
  const dealer: ConnectionDealer = new ConnectionDealer({
    listen: async (onConnection) => {
      // Not a byte is read here: the process that gets the connection reads all of it.
      const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (connection) => {
        connection.on('error', () => {}); // whoever gets it finds out
        onConnection(connection);
      });
      await listen(server, { hostname, port }, '--port');
      server.on('error', (error) => logger.error('connections cannot be taken', { error }));
      return { close: () => server.close() };
    },
    // It was free when the service began, so it is worth another try.
    onFailure: (error) => {
      logger.error('the port cannot be listened on', { error });
      void sleep(RETRY_MS, null, { ref: false }).then(() => dealer.reopen());
    },
  });
  return dealer;
}
