// The listening HTTP server: timeouts, and a drain that finishes what was accepted. Owns the socket, knows no routes.

import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Config } from '../config.ts';
import { RerankError } from '../errors.ts';

export type ListenSettings = Pick<
  Config,
  'hostname' | 'port' | 'bodyTimeoutSeconds' | 'headersTimeoutSeconds' | 'keepAliveTimeoutSeconds'
>;

export interface RunningServer {
  /** The port bound, also when 0 was asked for. */
  readonly port: number;
  /** `http://127.0.0.1:8800` */
  readonly url: string;
  /**
   * From now on every answer closes its connection, idle connections are closed, and new ones are still taken: they are told 503.
   * Resolves when the requests that were open at this moment are answered.
   */
  drain(): Promise<void>;
  /** Stops listening; connections still open after graceMs are cut. */
  stop(graceMs: number): Promise<void>;
}

const MAX_HEADERS = 100;
const TIMEOUT_CHECK_MS = 1000; // how often Node looks for connections that sent too slowly

/**
 * @param portFlag the option that chose the port, for the message when it cannot be had
 * @throws RerankError `config` when the address cannot be listened on
 */
export async function startServer(
  handler: RequestListener,
  settings: ListenSettings,
  portFlag = '--port',
): Promise<RunningServer> {
  const server = createHttpServer(settings);
  const exchanges = new OpenExchanges(server);
  server.on('request', handler);
  await listen(server, settings, portFlag);
  const { port } = server.address() as AddressInfo;
  const host = settings.hostname.includes(':') ? `[${settings.hostname}]` : settings.hostname;
  return {
    port,
    url: `http://${host}:${port}`,
    drain: () => exchanges.drain(),
    stop: (graceMs) => stop(server, graceMs),
  };
}

function createHttpServer(settings: ListenSettings): Server {
  const requestTimeout = settings.bodyTimeoutSeconds * 1000;
  const server = createServer({
    requestTimeout,
    headersTimeout: Math.min(settings.headersTimeoutSeconds * 1000, requestTimeout), // Node refuses a longer one
    keepAliveTimeout: settings.keepAliveTimeoutSeconds * 1000,
    connectionsCheckingInterval: TIMEOUT_CHECK_MS,
  });
  server.maxHeadersCount = MAX_HEADERS;
  return server;
}

/** The requests being answered. Its listener comes before the application's, so that it sees each response untouched. */
class OpenExchanges {
  readonly #server: Server;
  readonly #open = new Set<ServerResponse>();
  #draining = false;

  constructor(server: Server) {
    this.#server = server;
    server.on('request', (_req, res) => this.#track(res));
  }

  async drain(): Promise<void> {
    this.#draining = true;
    const accepted = [...this.#open];
    for (const res of accepted) closeAfter(res);
    this.#server.closeIdleConnections();
    await Promise.all(accepted.map((res) => new Promise<void>((resolve) => res.once('close', () => resolve()))));
  }

  #track(res: ServerResponse): void {
    this.#open.add(res);
    res.once('close', () => this.#open.delete(res));
    if (this.#draining) closeAfter(res);
  }
}

function closeAfter(res: ServerResponse): void {
  if (!res.headersSent) res.setHeader('Connection', 'close');
}

async function listen(server: Server, { hostname, port }: ListenSettings, portFlag: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => reject(listenError(cause, hostname, port, portFlag)));
    server.listen(port, hostname, resolve);
  });
}

function listenError(cause: NodeJS.ErrnoException, hostname: string, port: number, portFlag: string): RerankError {
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: `port ${port} is already in use; choose another with ${portFlag}`,
    EACCES: `no permission for port ${port}; ports below 1024 need privileges`,
    EADDRNOTAVAIL: 'this machine has no such address; see --hostname',
    ENOTFOUND: 'no such host name; see --hostname',
  };
  const reason = reasons[cause.code ?? ''] ?? cause.message;
  return new RerankError('config', `cannot listen on ${hostname}:${port}: ${reason}`, { cause });
}

async function stop(server: Server, graceMs: number): Promise<void> {
  if (!server.listening) return;
  const cut = setTimeout(() => server.closeAllConnections(), graceMs);
  await new Promise<void>((resolve) => server.close(() => resolve())); // closes idle connections itself
  clearTimeout(cut);
}
