// Names and torch paths of activations.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveActivationName } from '../src/activation-name.ts';

test('short names in any case and torch paths resolve', () => {
  const cases: Readonly<Record<string, string>> = {
    sigmoid: 'sigmoid',
    IDENTITY: 'identity',
    ' Tanh ': 'tanh',
    'torch.nn.modules.activation.Sigmoid': 'sigmoid',
    'torch.nn.modules.linear.Identity': 'identity',
    'torch.nn.Identity': 'identity',
    'torch.nn.modules.activation.Softmax': 'softmax',
    'torch.sigmoid': 'sigmoid',
  };
  for (const [name, expected] of Object.entries(cases)) assert.equal(resolveActivationName(name), expected, name);
});

test('everything else does not', () => {
  for (const name of [
    '',
    'relu',
    'torch.nn.ReLU',
    'my.module.Sigmoid',
    'sigmoid()',
    'torch.',
    'logsigmoid',
    'torch.nn.LogSigmoid',
  ]) {
    assert.equal(resolveActivationName(name), null, name);
  }
});
