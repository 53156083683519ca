// The completion scripts in the shells themselves; zsh and fish are asked only where they are installed.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { bashScript } from '../../src/cli/completion/bash.ts';
import { fishScript } from '../../src/cli/completion/fish.ts';
import { completedCommands } from '../../src/cli/completion/model.ts';
import { zshScript } from '../../src/cli/completion/zsh.ts';
import { createProgram } from '../../src/cli/program.ts';
import { optionEntries } from '../../src/config/options.ts';

const directory = mkdtempSync(join(tmpdir(), 'crossrank-completion-'));
after(() => rmSync(directory, { recursive: true }));
const commands = completedCommands(createProgram());
const installed = (shell: string): boolean => spawnSync(shell, ['--version']).status === 0;

test('every command and option of the program is known', () => {
  assert.deepEqual(
    commands.map(({ name }) => name),
    ['serve', 'rank', 'pull', 'prepare', 'info', 'models', 'remove', 'completion', 'help'],
  );
  const serve = commands.find(({ name }) => name === 'serve')!;
  for (const [, { flag }] of optionEntries())
    assert.ok(
      serve.options.some(({ long }) => long === `--${flag}`),
      flag,
    );
  const rank = commands.find(({ name }) => name === 'rank')!;
  const format = rank.options.find(({ long }) => long === '--format')!;
  assert.deepEqual(format.value, { kind: 'choices', choices: ['lines', 'jsonl', 'csv', 'tsv'] });
  assert.deepEqual(rank.options.find(({ long }) => long === '--output')!.value, { kind: 'file' });
  assert.deepEqual(rank.options.find(({ long }) => long === '--cpu-mem-arena')!.value, {
    kind: 'choices',
    choices: ['on', 'off'],
  });
  assert.deepEqual(rank.options.find(({ long }) => long === '--json')!.value, null);
  assert.deepEqual(rank.argument, { kind: 'file' });
});

test('bash completes commands, options, their values and files', { skip: !installed('bash') }, () => {
  writeFileSync(join(directory, 'corpus one.jsonl'), '');
  const cases: readonly (readonly [words: readonly string[], expected: readonly string[]])[] = [
    [
      ['crossrank', ''],
      ['serve', 'rank', 'pull', 'prepare', 'info', 'models', 'remove', 'completion', 'help'],
    ],
    [['crossrank', 'ra'], ['rank']],
    [['crossrank', 'rank', '--form'], ['--format']],
    [
      ['crossrank', 'rank', '--format', ''],
      ['lines', 'jsonl', 'csv', 'tsv'],
    ],
    [['crossrank', 'rank', '--format', '=', 'j'], ['jsonl']],
    [
      ['crossrank', 'rank', '--format', '='],
      ['lines', 'jsonl', 'csv', 'tsv'],
    ],
    [['crossrank', 'rank', 'cor'], ['corpus one.jsonl']],
    [['crossrank', 'rank', '-o', 'cor'], ['corpus one.jsonl']],
    [['crossrank', 'rank', '-k', ''], []],
    [
      ['crossrank', 'completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [['crossrank', 'help', 'in'], ['info']],
    [['crossrank', '--por'], ['--port']],
  ];
  const calls = cases.map(([words]) => `ask ${words.map((word) => `'${word}'`).join(' ')}`).join('\n');
  const ask = `ask() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _crossrank; (IFS='|'; echo "\${COMPREPLY[*]}"); }`;
  const { stdout, stderr } = run('bash', ['--norc', '-c', `${bashScript(commands)}\n${ask}\n${calls}`]);
  assert.equal(stderr, '');
  assert.deepEqual(
    stdout.trimEnd().split('\n'),
    cases.map(([, expected]) => expected.join('|')),
  );
});

test('zsh takes the script', { skip: !installed('zsh') }, () => {
  const script = join(directory, '_crossrank');
  writeFileSync(script, zshScript(commands));
  assert.deepEqual(run('zsh', ['-n', script]), { stdout: '', stderr: '' });
  const { stdout } = run('zsh', [
    '-f',
    '-c',
    `autoload -Uz compinit; compinit -u -D; source ${script}; print $_comps[crossrank]`,
  ]);
  assert.equal(stdout, '_crossrank\n');
});

test('fish completes commands and values', { skip: !installed('fish') }, () => {
  const script = join(directory, 'crossrank.fish');
  writeFileSync(script, fishScript(commands));
  const complete = (line: string): string[] => {
    const { stdout, stderr } = run('fish', ['--no-config', '-c', `source ${script}; complete -C '${line}'`]);
    assert.equal(stderr, '');
    return stdout
      .trimEnd()
      .split('\n')
      .map((each) => each.split('\t')[0]!);
  };
  assert.deepEqual(complete('crossrank ').sort(), [
    'completion',
    'help',
    'info',
    'models',
    'prepare',
    'pull',
    'rank',
    'remove',
    'serve',
  ]);
  assert.deepEqual(complete('crossrank rank --format ').sort(), ['csv', 'jsonl', 'lines', 'tsv']);
  assert.deepEqual(complete('crossrank --por'), ['--port']);
});

function run(shell: string, args: readonly string[]): { stdout: string; stderr: string } {
  const { stdout, stderr } = spawnSync(shell, args, {
    cwd: directory,
    encoding: 'utf8',
    timeout: 20_000,
    env: { PATH: process.env.PATH, HOME: directory },
  });
  return { stdout, stderr };
}
