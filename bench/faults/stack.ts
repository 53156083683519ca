// The stack of docker-compose.yml under a name of its own, and what may happen to its replicas.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { ROOT } from '../paths.ts';
import { docker } from './docker.ts';
import { type BackendFigures, backendFigures } from './proxy-figures.ts';

const FILE = join(ROOT, 'docker-compose.yml');
const WAIT_MS = 120_000;
/** Each look starts a process in two containers, on the cores that serve. */
const POLL_MS = 500;

export interface StackOptions {
  readonly project: string;
  readonly image: string;
  readonly replicas: number;
  /** Services beside the replicas; without it all of them. */
  readonly services?: readonly string[];
  /** Variables of docker-compose.yml. */
  readonly settings?: Readonly<Record<string, string>>;
}

export class ComposeStack {
  /** Of the proxy that callers meet. */
  readonly url: string;
  readonly #environment: Readonly<Record<string, string>>;
  /** Container of each. */
  readonly #proxies: readonly string[];

  private constructor(url: string, environment: Readonly<Record<string, string>>, proxies: readonly string[]) {
    this.url = url;
    this.#environment = environment;
    this.#proxies = proxies;
  }

  /** Starts it on free ports of loopback and waits until the proxy sends work to every replica. */
  static async up({ project, image, replicas, services = [], settings = {} }: StackOptions): Promise<ComposeStack> {
    const environment = {
      COMPOSE_PROJECT_NAME: project,
      COMPOSE_FILE: FILE,
      CROSSRANK_IMAGE: image,
      CROSSRANK_REPLICAS: String(replicas),
      PROXY_PORT: '0',
      PROMETHEUS_PORT: '0',
      ...settings,
    };
    await docker(['compose', 'up', '-d', '--no-build', '--wait', ...services], environment);
    const proxies = await Promise.all(['proxy', 'proxy-large'].map((name) => docker(['compose', 'ps', '-q', name], environment)));
    const stack = new ComposeStack(
      `http://${await docker(['compose', 'port', 'proxy', '8800'], environment)}`,
      environment,
      proxies,
    );
    await stack.waitForServing(replicas);
    return stack;
  }

  async down(): Promise<void> {
    await this.compose('down', '--volumes', '--timeout', '5');
  }

  compose(...args: readonly string[]): Promise<string> {
    return docker(['compose', ...args], this.#environment);
  }

  /** Containers of the running replicas, oldest first. */
  async replicas(): Promise<string[]> {
    const ids = (await this.compose('ps', '-q', 'server')).split('\n').filter((id) => id !== '');
    const created = await Promise.all(ids.map((id) => docker(['inspect', '--format', '{{.Created}}', id])));
    return ids
      .map((id, i) => ({ id, at: created[i]! }))
      .sort((a, b) => (a.at < b.at ? -1 : 1))
      .map(({ id }) => id);
  }

  /** Existing replicas stay as they are. */
  async scale(replicas: number): Promise<void> {
    await this.compose('up', '-d', '--no-deps', '--no-recreate', '--scale', `server=${replicas}`, 'server');
    await this.waitForServing(replicas);
  }

  /** One new replica for each old one, as an operator does it. */
  async roll(): Promise<void> {
    const options = { env: { ...process.env, ...this.#environment }, timeout: 10 * WAIT_MS };
    await promisify(execFile)(join(ROOT, 'deploy/roll.sh'), options);
  }

  /** Figures of both proxies: of the one that callers meet, then of the one for large bodies. */
  async figures(): Promise<BackendFigures[]> {
    return await Promise.all(
      this.#proxies.map(async (id) => backendFigures(await docker(['exec', id, 'bash', '-c', READ_FIGURES]))),
    );
  }

  /** Until both proxies have checked exactly so many replicas and send them work. @throws Error after two minutes */
  async waitForServing(replicas: number): Promise<void> {
    const giveUpMs = performance.now() + WAIT_MS;
    let seen: (readonly string[])[] = [];
    while (performance.now() < giveUpMs) {
      seen = (await this.figures()).map(({ serving }) => serving);
      // The proxies may not have noticed yet what has just happened: so the replicas are asked themselves, too.
      if (seen.every(({ length }) => length === replicas) && (await this.#areReady(replicas))) return;
      await sleep(POLL_MS);
    }
    throw new Error(`the proxies serve from ${JSON.stringify(seen)}, not from ${replicas} replicas`);
  }

  async #areReady(replicas: number): Promise<boolean> {
    const ids = await this.replicas();
    return ids.length === replicas && (await Promise.all(ids.map(isReady))).every(Boolean);
  }
}

/** The proxy's image has no client but bash. */
const READ_FIGURES = 'exec 3<>/dev/tcp/127.0.0.1/8405 && printf "GET /;csv HTTP/1.0\\r\\n\\r\\n" >&3 && cat <&3';

async function isReady(id: string): Promise<boolean> {
  return await docker(['exec', id, 'node', '/app/healthcheck.mjs', '/ready']).then(
    () => true,
    () => false,
  );
}
