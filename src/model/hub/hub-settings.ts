// How the hub is reached and where its models are kept, already resolved: config.ts alone knows the variables behind it.

export interface HubSettings {
  /** `https://huggingface.co`, or a mirror; without a slash at its end. */
  readonly endpoint: string;
  readonly token: string | null;
  /** The directory that holds `models--org--name`. */
  readonly cacheDirectory: string;
  /** Not one network call. */
  readonly offline: boolean;
  readonly userAgent: string;
  readonly proxies: ProxySettings;
  /** No byte for this long, and a connection counts as broken. */
  readonly stallMs: number;
  /** First wait before another attempt; each further one is twice as long. */
  readonly retryMs: number;
}

/** As the usual variables name them; the empty text means none. */
export interface ProxySettings {
  readonly http: string;
  readonly https: string;
  /** Hosts that are reached directly. */
  readonly none: string;
}

/** What happens on the way to a model on disk, for logs and progress bars. */
export type HubEvent =
  | { readonly kind: 'chosen'; readonly onnxFile: string; readonly others: readonly string[] }
  | {
      readonly kind: 'downloading';
      readonly id: string;
      readonly commit: string;
      readonly files: readonly string[];
      readonly bytes: number;
    }
  | { readonly kind: 'progress'; readonly doneBytes: number; readonly totalBytes: number }
  | { readonly kind: 'resumed'; readonly file: string; readonly bytes: number }
  | { readonly kind: 'waiting'; readonly file: string }
  | { readonly kind: 'retry'; readonly reason: string; readonly waitMs: number }
  | { readonly kind: 'downloaded'; readonly directory: string; readonly bytes: number; readonly elapsedMs: number }
  | { readonly kind: 'cached'; readonly reason: string; readonly directory: string }
  | { readonly kind: 'uncertain'; readonly files: readonly string[]; readonly directory: string };

export type HubListener = (event: HubEvent) => void;
