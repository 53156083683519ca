// text-embeddings-inference's dialect: rerank, predict and tokenize, bare arrays, its headers and error types.
// See https://github.com/huggingface/text-embeddings-inference/blob/0d124dc/router/src/http/types.rs

import { z } from 'zod';
import { type ErrorCode, RerankError } from '../../errors.ts';
import type {
  CallFacts,
  PredictRequest,
  PredictResult,
  RankRequest,
  RankResult,
  ScoringOptions,
  TokenizeRequest,
  TokenizeResult,
} from '../../rerank/types.ts';
import type { Dialect, ErrorAnswer, ModelFacts, Parsed, RenderContext } from './dialect.ts';
import { predictRoute, rankRoute, tokenizeRoute } from './routes.ts';
import { documentForm } from './shared/documents.ts';
import { flag, lenientBody, optionalName, requiredList, side, text } from './shared/fields.ts';
import { type Form, listOf, single, stringForm } from './shared/reading.ts';
import { expected, hasField } from './shared/validation.ts';
import { RERANK_PATHS, type StatusOverrides, statusIn, vendorScoring } from './shared/vendor.ts';

const scoringFields = { truncate: flag(), truncation_direction: side(), raw_scores: flag() };

const rerankSchema = lenientBody({
  query: text(),
  /** Objects with `text` are LiteLLM's. */
  texts: requiredList(documentForm('must be a string')),
  return_text: flag(),
  ...scoringFields,
});

const string = z.string();

/** A text alone or a pair, in a list. */
type Sequence = [first: string, second?: string];

const sequence: Form<Sequence> = {
  schema: z.union([z.tuple([string]), z.tuple([string, string])], { error: 'must be a list of one or two strings' }),
  read: (given) => (isSequence(given) ? given : undefined),
};

function isSequence(given: unknown): given is Sequence {
  return Array.isArray(given) && (given.length === 1 || given.length === 2) && given.every((part) => typeof part === 'string');
}

const WRONG_INPUTS = 'must be a string, a pair of strings, or a list of pairs';
const WRONG_TEXTS = 'must be a string or a list of strings';

const predictSchema = lenientBody({
  inputs: z.union([string, single(sequence), listOf(sequence, { error: WRONG_INPUTS })], expected(WRONG_INPUTS)),
  ...scoringFields,
});

interface RerankView {
  readonly query: string;
  readonly texts: readonly string[];
  readonly returned: boolean;
}

function readRerank(fields: z.output<typeof rerankSchema>): Parsed<RankRequest, RerankView> {
  const { query, texts } = fields;
  if (texts.length === 0) throw new RerankError('empty_input', '`texts` cannot be empty', { field: 'texts' });
  if (query === '' && texts.includes('')) throw emptyInputs();
  return {
    request: { ...scoringOptions(fields, 1), query, documents: texts, topK: null },
    view: { query, texts, returned: fields.return_text === true },
    refuseTruncated: fields.truncate === false,
  };
}

function renderRerank({ results }: RankResult, { texts, returned }: RerankView): unknown {
  return results.map(({ index, score }) => ({ index, ...(returned && { text: texts[index] }), score }));
}

interface PredictView {
  readonly pairs: PredictRequest['pairs'];
  /** One text or pair was sent, so one list of labels comes back. */
  readonly single: boolean;
}

type Inputs = z.output<typeof predictSchema>['inputs'];

function readPredict(fields: z.output<typeof predictSchema>, { model }: ModelFacts): Parsed<PredictRequest, PredictView> {
  const { inputs } = fields;
  const single = typeof inputs === 'string' || typeof inputs[0] === 'string';
  const pairs = sequences(inputs).map(([first, second]) => [first, second ?? null] as const);
  if (pairs.length === 0 || pairs.some(([first, second]) => first === '' && (second ?? '') === '')) throw emptyInputs();
  return {
    request: { ...scoringOptions(fields, model.labels.length), pairs },
    view: { pairs, single },
    refuseTruncated: fields.truncate === false,
  };
}

/** A text alone stays alone: it is encoded as one text, not as half of a pair. */
function sequences(inputs: Inputs): readonly Sequence[] {
  if (typeof inputs === 'string') return [[inputs]];
  return typeof inputs[0] === 'string' ? [inputs as Sequence] : (inputs as Sequence[]);
}

function renderPredict(result: PredictResult, { single }: PredictView, { model }: RenderContext): unknown {
  const { scores, numLabels } = result;
  const rows = Array.from({ length: scores.length / numLabels }, (_, pair) =>
    labelScores(scores.subarray(pair * numLabels, (pair + 1) * numLabels), model.labels),
  );
  return single ? rows[0] : rows;
}

/** Best label first. */
function labelScores(scores: Float32Array, labels: readonly string[]): { readonly score: number; readonly label: string }[] {
  return labels.map((label, index) => ({ score: scores[index]!, label })).sort((a, b) => b.score - a.score);
}

function scoringOptions(fields: z.output<z.ZodObject<typeof scoringFields>>, numLabels: number): ScoringOptions {
  const options = vendorScoring(fields.raw_scores === true);
  const probabilities = numLabels > 1 && fields.raw_scores !== true;
  return { ...options, ...(probabilities && { activation: 'softmax' }), truncationSide: fields.truncation_direction ?? null };
}

function emptyInputs(): RerankError {
  return new RerankError('empty_input', 'Input validation error: `inputs` cannot be empty', { field: 'inputs' });
}

function tooMany(count: number, limit: number): string {
  return `batch size ${count} > maximum allowed batch size ${limit}`;
}

/** Whole milliseconds, as text-embeddings-inference sends them. */
function headers({ totalTokens, timing }: CallFacts, characters: number): Readonly<Record<string, string>> {
  const values = {
    'x-compute-type': 'cpu+optimized',
    'x-compute-time': timing.totalMs,
    'x-compute-characters': characters,
    'x-compute-tokens': totalTokens,
    'x-total-time': timing.totalMs,
    'x-tokenization-time': timing.tokenizationMs,
    'x-queue-time': timing.queueMs,
    'x-inference-time': timing.inferenceMs,
  };
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, String(typeof value === 'number' ? Math.floor(value) : value)]),
  );
}

/** Unicode characters, as Rust counts them. */
function countCharacters(texts: readonly string[]): number {
  return texts.reduce((sum, part) => sum + part.length - countPairs(part), 0);
}

/** Surrogate pairs: characters that are two code units. */
function countPairs(text: string): number {
  let pairs = 0;
  for (let i = 1; i < text.length; i += 1) {
    if (isSurrogate(text.charCodeAt(i), LOW) && isSurrogate(text.charCodeAt(i - 1), HIGH)) pairs += 1;
  }
  return pairs;
}

const HIGH = 0xd800;
const LOW = 0xdc00;

function isSurrogate(unit: number, kind: typeof HIGH | typeof LOW): boolean {
  return (unit & 0xfc00) === kind;
}

type ErrorType = z.infer<typeof errorTypes>;

const errorTypes = z.enum(['Unhealthy', 'Backend', 'Overloaded', 'Validation', 'Tokenizer', 'Empty']);

const ERROR_TYPES: Readonly<Partial<Record<ErrorCode, ErrorType>>> = {
  empty_input: 'Empty',
  overloaded: 'Overloaded',
  not_ready: 'Unhealthy',
  draining: 'Unhealthy',
  not_a_reranker: 'Backend',
  deadline: 'Backend',
  inference: 'Backend',
  internal: 'Backend',
  config: 'Backend',
  model_files: 'Backend',
};

const STATUSES: StatusOverrides = { too_many_documents: 422, not_a_reranker: 424, inference: 424 };

/** Also where text-embeddings-inference's own framework would answer plain text or nothing: its clients read these two fields. */
function renderError(error: RerankError): ErrorAnswer {
  const body = { error: error.message, error_type: ERROR_TYPES[error.code] ?? 'Validation' };
  return { status: statusIn(STATUSES, error), body };
}

const rerank = {
  claims: (body: unknown) => hasField(body, 'texts'),
  summary: "Rank texts, for text-embeddings-inference's clients",
  schema: rerankSchema,
  examples: [
    { query: 'What is Deep Learning?', texts: ['Deep Learning is not...', 'Deep learning is...'] },
    {
      query: 'What is Deep Learning?',
      texts: ['Deep learning is...'],
      truncation_direction: 'Left',
      raw_scores: true,
      return_text: true,
    },
  ],
  answerSchema: z.array(z.strictObject({ index: z.int(), text: string.optional(), score: z.number() })),
  lists: ['texts'],
  tooMany,
  read: readRerank,
  render: renderRerank,
  headers: (facts: CallFacts, { query, texts }: RerankView) =>
    headers(facts, countCharacters([query]) * texts.length + countCharacters(texts)),
};

const labelList = z.array(z.strictObject({ score: z.number(), label: string }));

const predict = predictRoute({
  path: '/predict',
  claims: (body) => hasField(body, 'inputs'),
  summary: "Score pairs label by label, for text-embeddings-inference's clients",
  schema: predictSchema,
  examples: [
    { inputs: ['What is Deep Learning?', 'Deep learning is...'] },
    { inputs: [['What is Deep Learning?', 'Deep learning is...'], ['Deep learning is...']], raw_scores: true },
    { inputs: 'What is Deep Learning?' },
  ],
  answerSchema: z.union([labelList, z.array(labelList)]),
  lists: ['inputs'],
  tooMany,
  read: readPredict,
  render: renderPredict,
  headers: (facts, { pairs }) => headers(facts, countCharacters(pairs.flatMap(([first, second]) => [first, second ?? '']))),
});

/** Characters of a text for each token the model takes; longer texts are not worth a tokenizer's time, says the original too. */
const CHARACTERS_PER_TOKEN = 250;
/** Bytes of UTF-8 of all texts of a request: a byte may be a token, and every token becomes some 70 bytes of the answer. */
const MAX_BYTES = 250_000;

const tokenizeSchema = lenientBody({
  inputs: z.union([string, listOf(stringForm(), { error: WRONG_TEXTS })], expected(WRONG_TEXTS)),
  add_special_tokens: flag(),
  prompt_name: optionalName(),
});

function readTokenize(fields: z.output<typeof tokenizeSchema>, { model }: ModelFacts): TokenizeRequest {
  const texts = typeof fields.inputs === 'string' ? [fields.inputs] : fields.inputs;
  if (texts.length === 0) throw new RerankError('empty_input', '`inputs` cannot be empty', { field: 'inputs' });
  if (texts.includes('')) throw emptyInputs();
  checkCharacters(texts, model.maxLength * CHARACTERS_PER_TOKEN);
  return { texts, addSpecialTokens: fields.add_special_tokens ?? true, promptName: fields.prompt_name ?? null };
}

function checkCharacters(texts: readonly string[], limit: number): void {
  const counts = texts.map((each) => countCharacters([each]));
  const longest = counts.reduce((most, count) => Math.max(most, count), 0);
  if (longest > limit) {
    const message = `Input validation error: \`inputs\` must have less than ${limit} characters. Given: ${longest}`;
    throw new RerankError('validation', message, { field: 'inputs' });
  }
  const total = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  if (total <= MAX_BYTES) return;
  const message = `\`inputs\` have ${total} bytes of UTF-8; this server tokenizes at most ${MAX_BYTES} in one request`;
  throw new RerankError('payload_too_large', message, { field: 'inputs' });
}

/** A special token around a text stands nowhere in it. */
function renderTokens({ texts }: TokenizeResult): unknown {
  return texts.map(({ ids, starts, stops, texts: shown }) =>
    Array.from(ids, (id, i) => {
      const special = starts[i]! < 0;
      return { id, text: shown[i]!, special, start: special ? null : starts[i]!, stop: special ? null : stops[i]! };
    }),
  );
}

const place = z.int().min(0).nullable();

const tokenize = tokenizeRoute({
  path: '/tokenize',
  summary: 'Show the tokens of texts, as text-embeddings-inference does: places count bytes of UTF-8',
  schema: tokenizeSchema,
  examples: [
    { inputs: 'What is Deep Learning?' },
    { inputs: ['What is Deep Learning?', '\u4ec0\u4e48\u662f\u718a\u732b\uff1f'], add_special_tokens: false, prompt_name: null },
  ],
  answerSchema: z.array(z.array(z.strictObject({ id: z.int(), text: string, special: z.boolean(), start: place, stop: place }))),
  lists: ['inputs'],
  tooMany,
  read: readTokenize,
  render: renderTokens,
});

export const tei: Dialect = {
  name: 'tei',
  title: 'text-embeddings-inference',
  prefixed: true,
  routes: [...['/', '/invocations', ...RERANK_PATHS].map((path) => rankRoute({ path, ...rerank })), predict, tokenize],
  errorSchema: z.strictObject({ error: string, error_type: errorTypes }),
  renderError,
};
