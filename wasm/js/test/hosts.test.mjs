import { test } from 'node:test';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { equal, ok } from './check.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** The program that npm has installed for this machine, if it has. */
function program(scope, path) {
  const dir = here(`hosts/node_modules/${scope}`);
  const builds = existsSync(dir) ? readdirSync(dir) : [];
  return builds.map((build) => `${dir}/${build}/${path}`).find(existsSync);
}

const hosts = {
  Deno: [program('@deno', 'deno'), ['run', '--allow-read', '--no-remote', '--no-config']],
  Bun: [program('@oven', 'bin/bun'), []],
};

for (const [name, [command, args]] of Object.entries(hosts)) {
  test(`${name}: the suite`, { skip: command === undefined && 'npm has none for this machine' }, async (t) => {
    const run = spawnSync(command, [...args, here('run.mjs')], { encoding: 'utf8', timeout: 120_000 });
    equal(run.status, 0, `${name}: ${run.error ?? ''} ${run.stderr}`);
    const results = JSON.parse(run.stdout);
    ok(results.length >= 15, `got ${results.length} results`);
    for (const { name: rule, error } of results) await t.test(rule, () => ok(error === undefined, error));
  });
}
