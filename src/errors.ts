// The closed table of failures: every error a caller can meet has its code and its HTTP status here. Any layer may import it.

/**
 * Error code -> HTTP status. A dialect may answer another status where its contract says so (its file tells),
 * but no code exists that is not in this table; a test ties it to the README.
 */
export const ERROR_STATUS = {
  malformed_body: 400,
  empty_input: 400,
  unauthorized: 401,
  host_not_allowed: 403,
  origin_not_allowed: 403,
  not_found: 404,
  model_not_found: 404,
  method_not_allowed: 405,
  payload_too_large: 413,
  too_many_documents: 413,
  too_costly: 413,
  unsupported_media_type: 415,
  validation: 422,
  not_a_reranker: 422,
  overloaded: 429,
  cancelled: 499,
  inference: 500,
  internal: 500,
  config: 500,
  model_files: 500,
  not_ready: 503,
  draining: 503,
  deadline: 504,
} as const;

export type ErrorCode = keyof typeof ERROR_STATUS;

export interface RerankErrorOptions {
  readonly cause?: unknown;
  /** The request field at fault, as the caller wrote it (`documents.3`, `top_k`). */
  readonly field?: string;
  /** Seconds after which a retry can succeed; becomes `Retry-After`. */
  readonly retryAfterSeconds?: number;
}

/** The only error class that crosses our layers. `code` is from {@link ERROR_STATUS}; `message` is fit for the caller. */
export class RerankError extends Error {
  override readonly name = 'RerankError';
  readonly code: ErrorCode;
  readonly field: string | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, message: string, options: RerankErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.field = options.field;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }

  /** HTTP status of the code. */
  get status(): number {
    return ERROR_STATUS[this.code];
  }
}

/** An error as plain data: class and code are lost when an Error crosses a thread, this is not. */
export interface ErrorData {
  readonly code: ErrorCode;
  readonly message: string;
  /** As in {@link RerankErrorOptions}. */
  readonly field?: string;
}

/** Any thrown value -> data that survives the thread boundary; what is not ours becomes `internal`. */
export function toErrorData(error: unknown, fallback: ErrorCode = 'internal'): ErrorData {
  if (error instanceof RerankError) {
    const { code, message, field } = error;
    return { code, message, ...(field === undefined ? {} : { field }) };
  }
  return { code: fallback, message: error instanceof Error ? error.message : String(error) };
}
