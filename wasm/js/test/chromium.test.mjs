import { test } from 'node:test';
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ok } from './check.mjs';
import { serve } from './server.mjs';

const LIMIT = 120_000;

/** Shows a page of this package in a headless Chromium until it posts something, which comes back. */
async function visit(path) {
  const profile = await mkdtemp(join(tmpdir(), 'strata-chromium-'));
  let post;
  const posted = new Promise((resolve) => { post = resolve; });
  const server = await serve({ post });
  const browser = spawn(process.env.CHROMIUM ?? 'chromium', [
    '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run', '--disable-background-networking',
    '--enable-logging=stderr', `--user-data-dir=${profile}`, server.url + path,
  ], { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
  let said = '';
  browser.stderr.on('data', (data) => { said = (said + data).slice(-4000); });
  const ended = new Promise((_, reject) => {
    browser.on('error', reject);
    browser.on('exit', () => reject(new Error(`the browser ended:\n${said}`)));
  });
  let timer;
  const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error(`nothing came within ${LIMIT} ms:\n${said}`)), LIMIT); });
  try {
    return await Promise.race([posted, ended, late]);
  } finally {
    clearTimeout(timer);
    ended.catch(() => {});
    const gone = new Promise((resolve) => { if (browser.exitCode !== null || browser.pid === undefined) resolve(); else browser.on('exit', resolve); });
    if (browser.pid !== undefined && browser.exitCode === null) process.kill(-browser.pid, 'SIGKILL'); // its group: it has children
    await gone;
    server.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 20 });
  }
}

test('Chromium: the suite, and stores that survive a reload', { timeout: LIMIT + 30_000 }, async (t) => {
  const results = JSON.parse(await visit('/test/browser/page.html'));
  ok(results.length >= 18, `got ${results.length} results`);
  for (const { name, error } of results) {
    await t.test(name, () => ok(error === undefined, error));
  }
});

test('Chromium: the example page', { timeout: LIMIT + 30_000 }, async () => {
  const [{ error }] = JSON.parse(await visit('/test/browser/example.html'));
  ok(error === undefined, error);
});
