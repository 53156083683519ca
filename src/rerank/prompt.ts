// Pure: the text put before every query.

import { RerankError } from '../errors.ts';
import type { ModelSpec } from '../protocol.ts';

/** Server-wide default that replaces the model's own; null keeps it. */
export interface PromptDefaults {
  readonly prompt: string | null;
  readonly promptName: string | null;
}

/**
 * A prompt given wins over a name given, a name over the server's default, that over the model's default.
 *
 * @returns the text to prepend to the query, '' for none
 * @throws RerankError `validation` with sentence-transformers' message when the name is unknown
 * @see sentence_transformers/cross_encoder/model.py, predict (prompt, prompt_name, default_prompt_name)
 */
export function resolvePrompt(
  spec: Pick<ModelSpec, 'prompts' | 'defaultPromptName'>,
  call: { readonly prompt: string | null; readonly promptName: string | null },
  defaults: PromptDefaults,
): string {
  if (call.prompt !== null) return call.prompt;
  if (call.promptName !== null) return named(spec, call.promptName);
  if (defaults.prompt !== null) return defaults.prompt;
  const name = defaults.promptName ?? spec.defaultPromptName;
  return name === null ? '' : named(spec, name);
}

function named({ prompts }: Pick<ModelSpec, 'prompts'>, name: string): string {
  const text = Object.hasOwn(prompts, name) ? prompts[name] : undefined;
  if (text !== undefined) return text;
  const keys = Object.keys(prompts)
    .map((key) => `'${key}'`)
    .join(', ');
  throw new RerankError(
    'validation',
    `Prompt name '${shortened(name)}' not found in the configured prompts dictionary with keys [${keys}].`,
    {
      field: 'prompt_name',
    },
  );
}

/** An error does not carry back what a caller sent at any length. */
function shortened(name: string): string {
  return name.length <= MAX_SHOWN ? name : `${name.slice(0, MAX_SHOWN)}...`;
}

const MAX_SHOWN = 100;
