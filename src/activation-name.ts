// Resolves the names under which an activation is asked for or stored. Pure; model-spec and the HTTP dialects use it.

import type { ActivationName } from './protocol.ts';

const ACTIVATION_PATH = /^(?:torch\.(?:\w+\.)*)?(sigmoid|identity|tanh|softmax)$/i;

/**
 * The activation behind a short name in any case (`Sigmoid`) or a torch path (`torch.nn.modules.linear.Identity`);
 * null when it is none of ours.
 */
export function resolveActivationName(value: string): ActivationName | null {
  const match = ACTIVATION_PATH.exec(value.trim());
  return match === null ? null : (match[1]!.toLowerCase() as ActivationName);
}
