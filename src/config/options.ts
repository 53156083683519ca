// The one table of options: flag, schema, default, unit and help. Command line, environment, --help and the README come from it.

import { usableCores } from '../limits.ts';
import type { Dtype, PairTemplate } from '../protocol.ts';
import { defaultInflightLimit, defaultPayloadLimit, processMemory } from './body-memory.ts';
import { defaultCacheDirectory } from './cache-directory.ts';
import { hubCacheDirectory, hubOffline, hubToken } from './hub-environment.ts';
import {
  hostList,
  httpAddress,
  integer,
  keyFile,
  keyList,
  nonEmptyText,
  type OptionSchema,
  oneOf,
  originList,
  pairTemplate,
  seconds,
  toggle,
} from './schemas.ts';
import { otlpEndpoint, otlpServiceName } from './trace-environment.ts';

export interface OptionSpec<Value> {
  /** Long flag without dashes; text-embeddings-inference's name where it has the same thing. */
  readonly flag: string;
  /** What stands for the value in `--help`, with its unit: `seconds`, `bytes`. */
  readonly placeholder: string;
  readonly schema: OptionSchema<Exclude<Value, null>>;
  /**
   * @param environment only for what other software names too: the user's cache folder, the hub's variables
   * @param earlier values of the options above this one in the table; one that was wrong is undefined
   */
  readonly fallback: (environment: NodeJS.ProcessEnv, earlier?: Readonly<Record<string, unknown>>) => Value;
  /** The default as documentation shows it. */
  readonly fallbackText: string;
  readonly help: string;
  /** The flag may be given several times; the values are joined with commas. */
  readonly repeatable?: boolean;
  /** An empty value says something; otherwise an empty environment variable counts as not set. */
  readonly emptyAllowed?: boolean;
  /** The flag may stand alone and then means this text. */
  readonly aloneMeans?: string;
  /** Never printed. */
  readonly secret?: boolean;
}

const MAX_BODY_BYTES = 512_000_000; // V8 cannot hold a longer string
const MAX_SECONDS = 86_400; // a day; Node's timers end at 24.8 days

/** Config key -> option, in the order of `--help`. A key carries its unit. */
export const OPTIONS = {
  modelId: option<string | null>('model-id', 'model', nonEmptyText(), null, {
    help: 'a directory in Hugging Face layout, or a model of the hub (organisation/name; a bare name gets cross-encoder/)',
    fallbackText: 'the embedded crossrank-mini',
  }),
  revision: option<string | null>('revision', 'revision', nonEmptyText(), null, {
    help: 'branch, tag or commit of a model of the hub',
    fallbackText: 'main',
  }),
  servedModelName: option<string | null>('served-model-name', 'name', nonEmptyText(), null, {
    help: 'model name shown to callers',
    fallbackText: 'name of the model',
  }),
  strictModel: option<boolean>('strict-model', 'on|off', toggle(), false, {
    help: 'answer 404 to a request that names another model; otherwise any name is accepted',
    fallbackText: 'off',
    aloneMeans: 'on',
  }),
  onnxFile: option<string | null>('onnx-file', 'file', nonEmptyText(), null, {
    help: 'ONNX file inside the model directory or repository',
    fallbackText: 'model.onnx, else onnx/model.onnx',
  }),
  dtype: option<Dtype>('dtype', 'type', oneOf(['float32', 'int8']), 'float32', {
    help: 'float32, or int8: the model is quantised on this machine the first time',
  }),
  prepared: option<boolean>('prepared', 'on|off', toggle(), true, {
    help: 'open a packed copy of the weights, made the first time: starts sooner, and workers share its memory',
    fallbackText: 'on',
  }),
  cacheDirectory: option<string>('cache-dir', 'directory', nonEmptyText(), defaultCacheDirectory, {
    help: 'where prepared copies of models are kept',
    fallbackText: '$XDG_CACHE_HOME/crossrank, else ~/.cache/crossrank',
  }),
  hubCacheDirectory: option<string>('huggingface-hub-cache', 'directory', nonEmptyText(), hubCacheDirectory, {
    help: 'where models of the hub are kept, shared with Python tools',
    fallbackText: '$HF_HUB_CACHE, else $HF_HOME/hub, else ~/.cache/huggingface/hub',
  }),
  offline: option<boolean>('offline', 'on|off', toggle(), hubOffline, {
    help: 'not one network call: models of the hub come from the cache',
    fallbackText: '$HF_HUB_OFFLINE, else off',
    aloneMeans: 'on',
  }),
  hfToken: option<string | null>('hf-token', 'token', nonEmptyText(), hubToken, {
    help: 'token for gated and private models; better in the environment, where other users do not see it',
    fallbackText: '$HF_TOKEN, else the file of `hf auth login`',
    secret: true,
  }),
  maxLength: option<number | null>('max-length', 'tokens', integer(1, 1_048_576), null, {
    help: 'longest pair in tokens; lowers the limit of the model',
    fallbackText: 'limit of the model',
  }),
  pairTemplate: option<PairTemplate | null>('pair-template', 'json', pairTemplate(), null, {
    help: 'JSON (or a JSON file) with prefix, separator and suffix put around query and document',
    fallbackText: 'from the model',
  }),
  defaultPromptName: option<string | null>('default-prompt-name', 'name', nonEmptyText(), null, {
    help: "one of the model's stored prompts, put before every query that names none",
    fallbackText: 'from the model',
  }),
  defaultPrompt: option<string | null>('default-prompt', 'text', nonEmptyText(), null, {
    help: 'text put before every query that names no prompt',
    fallbackText: 'none',
  }),
  processes: option<number>('processes', 'processes', integer(1, 256), 1, {
    help: 'serving processes that share the port and the packed weights; see docs/processes.md',
  }),
  processTimeoutSeconds: option<number>('process-timeout', 'seconds', seconds(1, MAX_SECONDS), 30, {
    help: 'a process of several that does not answer the first one for so long is killed, one that is not ready for so long is renewed',
  }),
  workers: option<number>('workers', 'threads', integer(1, 1024), coresOfAProcess, {
    help: 'worker threads of each process, one session each',
    fallbackText: 'usable cores / processes',
  }),
  workerNice: option<number>('worker-nice', 'nice', integer(0, 19), 10, {
    help: 'nice value of the worker threads on Linux, so that probes and answers come before scoring; 0 where other programs share the cores',
  }),
  cpuMemArena: option<boolean>('cpu-mem-arena', 'on|off', toggle(), true, {
    help: 'memory arena of the runtime: faster, less memory, but what the longest pair needed is kept; off for rare pairs of very many tokens',
    fallbackText: 'on',
  }),
  hostname: option<string>('hostname', 'address', nonEmptyText(), '127.0.0.1', { help: 'address to listen on; 0.0.0.0 for all' }),
  port: option<number>('port', 'port', integer(0, 65_535), 8800, { help: 'port to listen on; 0 takes a free one' }),
  dialect: option<string | null>('dialect', 'name', nonEmptyText(), null, {
    help: 'whose contract a shared path follows where the body does not decide; the name of a prefix',
    fallbackText: 'superset',
  }),
  payloadLimitBytes: option<number>('payload-limit', 'bytes', integer(1, MAX_BODY_BYTES), payloadLimit, {
    help: 'largest request body, after decompression',
    fallbackText: '33554432, or memory of a process / 32 where that is less',
  }),
  maxInflightBytes: option<number>('max-inflight-bytes', 'bytes', integer(1, 1e12), inflightLimit, {
    help: 'memory that request bodies being read or answered take, all together, beyond which requests are refused with 429; a text takes two to three times its bytes',
    fallbackText: 'memory of a process / 8, at most heap of V8 / 4, at least 4 times the payload limit',
  }),
  maxClientBatchSize: option<number>('max-client-batch-size', 'documents', integer(1, 10_000_000), 10_000, {
    help: 'most documents or pairs in one request',
  }),
  requestTimeoutSeconds: option<number>('request-timeout', 'seconds', seconds(0.001, MAX_SECONDS), 60, {
    help: 'a request not answered by then fails with 504; a caller lowers it for one request with the header X-Request-Timeout',
  }),
  maxQueueSeconds: option<number>('max-queue-seconds', 'seconds', seconds(0.001, MAX_SECONDS), 30, {
    help: 'accepted work, in seconds of scoring, beyond which requests are refused with 429',
  }),
  bodyTimeoutSeconds: option<number>('body-timeout', 'seconds', seconds(0.001, MAX_SECONDS), 60, {
    help: 'time a client has to send a whole request',
  }),
  headersTimeoutSeconds: option<number>('headers-timeout', 'seconds', seconds(0.001, MAX_SECONDS), 60, {
    help: 'time a client has to send the request headers',
  }),
  answerTimeoutSeconds: option<number>('answer-timeout', 'seconds', seconds(0.001, MAX_SECONDS), 30, {
    help: 'a client that takes less than 16 KiB of its answer for each second of this time loses its connection; sooner while bodies and answers fill half of --max-inflight-bytes',
  }),
  keepAliveTimeoutSeconds: option<number>('keep-alive-timeout', 'seconds', seconds(0.001, MAX_SECONDS), 75, {
    help: 'idle connections are closed after this; keep it above that of the proxy in front',
  }),
  drainTimeoutSeconds: option<number>('drain-timeout', 'seconds', seconds(0, MAX_SECONDS), 30, {
    help: 'time accepted requests have to finish after SIGTERM',
  }),
  drainDelaySeconds: option<number>('drain-delay', 'seconds', seconds(0, MAX_SECONDS), 0, {
    help: 'time after SIGTERM in which /ready says 503 and requests are still taken, so that proxies notice first',
  }),
  apiKeys: option<readonly string[]>('api-key', 'key', keyList(), [], {
    help: 'key that callers must send (Authorization: Bearer KEY), repeatable; better in the environment or a file, where other users do not see it',
    fallbackText: 'none: open to all',
    repeatable: true,
    secret: true,
  }),
  fileApiKeys: option<readonly string[]>('api-key-file', 'file', keyFile(), [], {
    help: 'file of such keys, one a line; lines that begin with # are comments',
    fallbackText: 'none',
    secret: true,
  }),
  corsAllowOrigins: option<readonly string[]>('cors-allow-origin', 'origin', originList(), ['loopback'], {
    help: 'origin whose pages may call the server, repeatable; loopback for pages of this machine, * for all, empty for none',
    fallbackText: 'loopback',
    repeatable: true,
    emptyAllowed: true,
  }),
  allowedHosts: option<readonly string[]>('allowed-host', 'name', hostList(), [], {
    help: 'name the server may be called by (Host) besides loopback names and addresses, repeatable; *.shop.example for all below it, * for any',
    fallbackText: 'that of --hostname; any when that is not loopback',
    repeatable: true,
  }),
  prometheusPort: option<number | null>('prometheus-port', 'port', integer(0, 65_535), null, {
    help: 'port on which GET /metrics is answered as well, without an API key; 0 takes a free one',
    fallbackText: 'none: only on the main port',
  }),
  metricsAuth: option<boolean>('metrics-auth', 'on|off', toggle(), true, {
    help: 'ask for an API key, if there are any, at GET /metrics on the main port',
    fallbackText: 'on',
  }),
  otlpEndpoint: option<string | null>('otlp-endpoint', 'address', httpAddress(), otlpEndpoint, {
    help: 'collector that spans are sent to by OTLP over HTTP, such as http://localhost:4318',
    fallbackText: '$OTEL_EXPORTER_OTLP_ENDPOINT, else none',
  }),
  otlpServiceName: option<string>('otlp-service-name', 'name', nonEmptyText(), otlpServiceName, {
    help: 'name of this service in traces',
    fallbackText: '$OTEL_SERVICE_NAME, else crossrank',
  }),
  logLevel: option<LogLevel>('log-level', 'level', oneOf(['error', 'warn', 'info', 'debug']), 'info', {
    help: 'error, warn, info or debug',
  }),
  jsonOutput: option<boolean | null>('json-output', 'on|off', toggle(), null, {
    help: 'log one JSON object a line',
    fallbackText: 'on, unless stderr is a terminal',
    aloneMeans: 'on',
  }),
} as const;

export type LogLevel = 'error' | 'warn' | 'info' | 'debug';
export type OptionKey = keyof typeof OPTIONS;

/** Every option with its config key, in the order of `--help`. */
export function optionEntries(): readonly (readonly [OptionKey, OptionSpec<unknown>])[] {
  return Object.entries(OPTIONS) as unknown as readonly (readonly [OptionKey, OptionSpec<unknown>])[];
}

/** `payload-limit` -> `CROSSRANK_PAYLOAD_LIMIT`. */
export function environmentName(option: Pick<OptionSpec<unknown>, 'flag'>): string {
  return `CROSSRANK_${option.flag.toUpperCase().replaceAll('-', '_')}`;
}

/** The configuration reference as a Markdown table; a test ties the README to it. */
export function configTableMarkdown(): string {
  const rows = optionEntries().map(([, spec]) => {
    const cells = [`\`--${spec.flag}\``, `\`${environmentName(spec)}\``, spec.placeholder, spec.fallbackText, spec.help];
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  });
  return ['| Flag | Environment | Value | Default | Meaning |', '|---|---|---|---|---|', ...rows].join('\n');
}

function coresOfAProcess(_environment: NodeJS.ProcessEnv, { processes = 1 }: Readonly<Record<string, unknown>> = {}): number {
  return Math.max(1, Math.floor(usableCores() / Number(processes)));
}

function payloadLimit(_environment: NodeJS.ProcessEnv, { processes = 1 }: Readonly<Record<string, unknown>> = {}): number {
  return defaultPayloadLimit(processMemory(Number(processes)));
}

function inflightLimit(_environment: NodeJS.ProcessEnv, earlier: Readonly<Record<string, unknown>> = {}): number {
  const { processes = 1, payloadLimitBytes = 0 } = earlier;
  return defaultInflightLimit(processMemory(Number(processes)), Number(payloadLimitBytes));
}

type OptionDetails<Value> = Partial<OptionSpec<Value>> & { readonly help: string };

function option<Value>(
  flag: string,
  placeholder: string,
  schema: OptionSpec<Value>['schema'],
  fallback: Value | OptionSpec<Value>['fallback'],
  details: OptionDetails<Value>,
): OptionSpec<Value> {
  const getFallback = typeof fallback === 'function' ? (fallback as OptionSpec<Value>['fallback']) : () => fallback;
  return { flag, placeholder, schema, fallback: getFallback, fallbackText: String(fallback), ...details };
}
