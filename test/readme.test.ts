// README.md and README.zh-CN.md state the same facts: whatever a program reads is equal, only the prose differs.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { repoRoot } from './helpers/paths.ts';

const english = readFileSync(join(repoRoot, 'README.md'), 'utf8');
const chinese = readFileSync(join(repoRoot, 'README.zh-CN.md'), 'utf8');

/** What both must have in the same order: name -> the facts in a text, and a number there cannot be fewer of. */
const FACTS: Readonly<Record<string, readonly [facts: (text: string) => string[], atLeast: number]>> = {
  routes: [(text) => matches(text, /^\| `((?:GET|POST|DELETE|PUT) \/[^`]*)`/gm), 11],
  'error codes and statuses': [(text) => matches(text, /^\| `(\w+)` \| (\d{3}) \|/gm), 20],
  'flags, variables and values': [(text) => matches(text, /^\| `(--[\w-]+)` \| `(CROSSRANK_\w+)` \| (.+?) \| /gm), 27],
  'first columns of tables': [(text) => matches(text, /^\| (.*?) \| /gm).flatMap((cell) => matches(cell, /(`[^`]+`)/g)), 70],
  'code, less its comments': [
    (text) => matches(text, /^```\w+\n([\s\S]*?)^```/gm).map((code) => code.replaceAll(/ *(#|\/\/) .*$/gm, '')),
    4,
  ],
  'numbers in tables': [(text) => matches(text, /^\|.*$/gm).map((row) => (row.match(/\d+(\.\d+)*/g) ?? []).join(' ')), 70],
  headings: [(text) => matches(text, /^(#+) /gm), 8],
  links: [(text) => matches(text, /\]\((?!README)([^)#]+)\)/g), 4],
};

for (const [name, [facts, atLeast]] of Object.entries(FACTS)) {
  test(`both READMEs have the same ${name}`, () => {
    const expected = facts(english);
    assert.ok(expected.length >= atLeast, `${expected.length} found in README.md`);
    assert.deepEqual(facts(chinese), expected);
  });
}

test('each README names the other at its top', () => {
  assert.match(english, /^# crossrank\n\nEnglish \| \[简体中文\]\(README\.zh-CN\.md\)\n/);
  assert.match(chinese, /^# crossrank\n\n\[English\]\(README\.md\) \| 简体中文\n/);
});

test('links inside the repository lead somewhere', () => {
  for (const text of [english, chinese]) {
    const headings = matches(text, /^#+ (.*)$/gm).map((heading) => heading.toLowerCase().replaceAll(' ', '-'));
    for (const target of matches(text, /\]\((?!https?:)([^)]+)\)/g)) {
      if (target.startsWith('#')) assert.ok(headings.includes(target.slice(1)), target);
      else assert.ok(existsSync(join(repoRoot, target)), target);
    }
  }
});

test('the table of clients has the versions that the tests install', () => {
  const { dependencies } = JSON.parse(readFileSync(join(repoRoot, 'test/clients/package.json'), 'utf8'));
  const rows = matches(english, /^\| `([^`]+)`[^|]* \| (\d+\.\d+\.\d+) \|/gm);
  const { '@langchain/core': _, ...clients } = dependencies; // a library that @langchain/cohere needs beside itself
  assert.deepEqual(
    rows.toSorted(),
    Object.entries(clients)
      .map((entry) => entry.join(' '))
      .toSorted(),
  );
});

/** The groups of every match, joined; the whole match when the pattern has none. */
function matches(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([whole, ...groups]) => (groups.length === 0 ? whole : groups.join(' ')));
}
