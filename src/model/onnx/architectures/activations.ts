// Activation functions by the names that configurations give them, in the operations the runtime fuses.

import { RerankError } from '../../../errors.ts';
import type { Net } from './net.ts';

type Activation = (net: Net, input: string) => string;

const TANH_GELU_CUBE = 0.044715;

const ACTIVATIONS: ReadonlyMap<string, Activation> = new Map<string, Activation>([
  ['gelu', gelu],
  ['gelu_new', tanhGelu],
  ['gelu_pytorch_tanh', tanhGelu],
  ['gelu_fast', tanhGelu],
  ['relu', (net, input) => net.node('Relu', input)],
  ['silu', silu],
  ['swish', silu],
  ['tanh', (net, input) => net.node('Tanh', input)],
  ['sigmoid', (net, input) => net.node('Sigmoid', input)],
  ['linear', (_, input) => input],
]);

/** @throws RerankError `model_files` for a name that is not known */
export function activate(net: Net, name: string, input: string): string {
  const activation = ACTIVATIONS.get(name);
  if (activation === undefined)
    throw new RerankError(
      'model_files',
      `the activation '${name}' is not known; known are ${[...ACTIVATIONS.keys()].join(', ')}`,
    );
  return activation(net, input);
}

/** 0.5 x (1 + erf(x / sqrt 2)). */
function gelu(net: Net, input: string): string {
  const { graph } = net;
  const erf = net.node('Erf', net.node('Div', input, graph.scalar(Math.SQRT2)));
  const shifted = net.node('Add', erf, graph.scalar(1));
  return net.node('Mul', net.node('Mul', input, shifted), graph.scalar(0.5));
}

/** 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))). */
function tanhGelu(net: Net, input: string): string {
  const { graph } = net;
  const cube = net.node('Mul', net.node('Pow', input, graph.scalar(3)), graph.scalar(TANH_GELU_CUBE));
  const inner = net.node('Mul', net.node('Add', input, cube), graph.scalar(Math.sqrt(2 / Math.PI)));
  const shifted = net.node('Add', net.node('Tanh', inner), graph.scalar(1));
  return net.node('Mul', net.node('Mul', input, graph.scalar(0.5)), shifted);
}

function silu(net: Net, input: string): string {
  return net.node('Mul', input, net.node('Sigmoid', input));
}
