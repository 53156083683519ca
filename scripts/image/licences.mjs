// Build of the image: the licence of every production dependency, with its text. `node licences.mjs NODE_MODULES > FILE`.
// Fails on a licence that asks for more than attribution, so that none comes in unseen.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { packageFolders } from './prune-modules.mjs';

/** SPDX names of licences that ask for no more than attribution. */
const PERMISSIVE = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'BlueOak-1.0.0', 'CC0-1.0', 'ISC', 'MIT', 'Unlicense'];

const TEXT_FILE = /^(licen[cs]e|copying|notice|third[-_]?party)/i;
const RULE = '-'.repeat(100);

function readPackage(folder) {
  const { name, version, license, repository, homepage } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const source = (typeof repository === 'string' ? repository : repository?.url) ?? homepage ?? 'not told';
  return { folder, name, version, licence: typeof license === 'string' ? license : 'none declared', source };
}

/** `(MIT OR CC0-1.0)`: one side of OR is enough, every side of AND is needed. With both words in it, every name must be permissive. */
export function isPermissive(expression) {
  const names = expression
    .replaceAll(/[()]/g, ' ')
    .trim()
    .split(/\s+(?:OR|AND)\s+/);
  const choice = / OR /.test(expression) && !/ AND /.test(expression);
  const isListed = (name) => PERMISSIVE.includes(name);
  return choice ? names.some(isListed) : names.every(isListed);
}

function textsOf({ folder }) {
  const names = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile() && TEXT_FILE.test(entry.name));
  return names.map(({ name }) => ({ name, text: readFileSync(join(folder, name), 'utf8').trim() }));
}

function section(each, modules) {
  const texts = textsOf(each);
  const bodies =
    texts.length === 0
      ? ['The package brings no licence text; the licence is the one that its package.json declares.']
      : texts.map(({ name, text }) => `[${name}]\n\n${text}`);
  const head = `${each.name} ${each.version}\nLicence: ${each.licence}\nSource: ${each.source}\nInstalled: ${relative(modules, each.folder)}`;
  return [RULE, head, '', ...bodies, ''].join('\n');
}

function main(modules) {
  if (!existsSync(modules)) throw new Error(`no ${modules}`);
  const packages = [...packageFolders(modules)].map(readPackage).sort((a, b) => a.name.localeCompare(b.name));
  const refused = packages.filter(({ licence }) => !isPermissive(licence));
  for (const { name, version, licence } of refused)
    console.error(`${name} ${version}: ${licence} is not on the list of licences`);
  if (refused.length > 0) process.exit(1);
  const counts = Map.groupBy(packages, ({ licence }) => licence);
  const summary = [...counts].map(([licence, { length }]) => `${String(length).padStart(4)}  ${licence}`);
  console.log(['Packages of npm in this image, and their licences.', '', ...summary, ''].join('\n'));
  for (const each of packages) console.log(section(each, modules));
}

if (import.meta.filename === process.argv[1]) main(process.argv[2]);
