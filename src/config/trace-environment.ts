// The OpenTelemetry variables, with the meaning its specification gives them. Pure; the environment comes from config.ts.
// See https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ and .../protocol/exporter/

import { RerankError } from '../errors.ts';
import { SAMPLERS, type SamplerName, type SamplerSettings, type TraceSettings } from '../tracing/trace-settings.ts';

type Environment = Readonly<NodeJS.ProcessEnv>;

const DEFAULT_SERVICE_NAME = 'crossrank';
const TRACES_PATH = '/v1/traces';
/** OTLP over gRPC; a server that speaks HTTP to it gets no answer it understands. */
const GRPC_PORT = '4317';

/** `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`, else `OTEL_EXPORTER_OTLP_ENDPOINT`; null when neither is an address, or tracing is switched off. */
export function otlpEndpoint(environment: Environment): string | null {
  const { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: traces, OTEL_EXPORTER_OTLP_ENDPOINT: all, OTEL_SDK_DISABLED: off } = environment;
  const given = traces || all || '';
  const exporter = environment.OTEL_TRACES_EXPORTER || 'otlp';
  return given === '' || /^true$/i.test(off ?? '') || exporter === 'none' ? null : given;
}

/** `OTEL_SERVICE_NAME`, else crossrank. */
export function otlpServiceName(environment: Environment): string {
  return environment.OTEL_SERVICE_NAME || DEFAULT_SERVICE_NAME;
}

/**
 * @param options values of `--otlp-endpoint` and `--otlp-service-name`
 * @throws RerankError `config`
 */
export function traceSettingsOf(
  options: { readonly endpoint: string | null; readonly serviceName: string },
  environment: Environment,
): TraceSettings | null {
  if (options.endpoint === null) return null;
  if (!/^https?:\/\//i.test(options.endpoint) || !URL.canParse(options.endpoint))
    throw new RerankError('config', `OTEL_EXPORTER_OTLP_ENDPOINT must be an http or https address, got '${options.endpoint}'`);
  const url = tracesUrl(options.endpoint);
  return {
    url,
    warnings:
      new URL(url).port === GRPC_PORT
        ? [`${url}: ${GRPC_PORT} is the port of OTLP over gRPC; spans are sent over HTTP, whose port is 4318`]
        : [],
    serviceName: options.serviceName,
    headers: pairs(
      environment,
      environment.OTEL_EXPORTER_OTLP_TRACES_HEADERS ? 'OTEL_EXPORTER_OTLP_TRACES_HEADERS' : 'OTEL_EXPORTER_OTLP_HEADERS',
    ),
    attributes: pairs(environment, 'OTEL_RESOURCE_ATTRIBUTES'),
    sampler: sampler(environment),
  };
}

/** The address of a collector as tools write it, without a path, or the full address of its traces. */
function tracesUrl(endpoint: string): string {
  const url = new URL(endpoint);
  if (!url.pathname.endsWith(TRACES_PATH)) url.pathname = url.pathname.replace(/\/*$/, TRACES_PATH);
  return url.href;
}

/** `key=value,key=value`, values percent-encoded. What is secret there is not repeated in the message. */
function pairs(environment: Environment, name: string): Readonly<Record<string, string>> {
  const items = (environment[name] ?? '').split(',').filter((item) => item.trim() !== '');
  const entries = items.map((item) => {
    const at = item.indexOf('=');
    const key = item.slice(0, Math.max(at, 0)).trim();
    const value = decoded(item.slice(at + 1).trim());
    if (!/^[\w.!#$%&'*+^`|~-]+$/.test(key) || value === null)
      throw new RerankError('config', `${name} must be key=value pairs separated by commas, values percent-encoded`);
    return [key, value];
  });
  return Object.fromEntries(entries);
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

/** `OTEL_TRACES_SAMPLER` and its `_ARG`, the share of traces that are kept. */
function sampler({ OTEL_TRACES_SAMPLER: given, OTEL_TRACES_SAMPLER_ARG: argument }: Environment): SamplerSettings {
  const name = SAMPLERS.find((each) => each === (given || ('parentbased_always_on' satisfies SamplerName)).toLowerCase());
  if (name === undefined)
    throw new RerankError('config', `OTEL_TRACES_SAMPLER must be one of ${SAMPLERS.join(', ')}, got '${given}'`);
  const share = Number(argument || 1);
  if (!(share >= 0 && share <= 1))
    throw new RerankError('config', `OTEL_TRACES_SAMPLER_ARG must be from 0 to 1, got '${argument}'`);
  return { name, share };
}
