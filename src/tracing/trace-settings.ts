// Where spans go and which of them: what the configuration gives and the exporter takes. Types and names only.

/** Which traces are kept, by OpenTelemetry's names. */
export const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;

export type SamplerName = (typeof SAMPLERS)[number];

export interface SamplerSettings {
  readonly name: SamplerName;
  /** Of traces kept by the `ratio` samplers, 0..1. */
  readonly share: number;
}

/** Where spans go and which. */
export interface TraceSettings {
  /** Full address of the collector's traces. */
  readonly url: string;
  readonly serviceName: string;
  /** Sent with every export; may hold secrets. */
  readonly headers: Readonly<Record<string, string>>;
  /** Of this service, beside its name. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly sampler: SamplerSettings;
  /** For the log. */
  readonly warnings: readonly string[];
}
