// Sessions as a shop's server would keep them: JSON, names that repeat, ids that
// do not. `node bench/sessions.mjs 500` prints some, one a line.
import { random } from '../test/check.mjs';

const agents = ['Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148.0.0.0 Safari/537.36',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1'];

/** The session of number i, about 430 bytes of JSON. */
export function session(i) {
  const next = random(i * 2654435761 + 1);
  const hex = (n) => Array.from({ length: n }, () => next(16).toString(16)).join('');
  return JSON.stringify({
    user: next(1e9),
    csrf: hex(32),
    roles: next(20) ? ['customer'] : ['customer', 'editor'],
    locale: ['en-GB', 'de-DE', 'fr-FR'][next(3)],
    agent: agents[next(agents.length)],
    cart: Array.from({ length: 1 + next(3) }, () => ({ sku: hex(8), quantity: 1 + next(4), price: next(20000) / 100 })),
    created: 1_795_000_000_000 + next(1e9),
    seen: 1_796_000_000_000 + next(1e9),
  });
}

export const sessionKey = (i) => {
  const next = random(i + 77);
  return `session:${Array.from({ length: 32 }, () => next(16).toString(16)).join('')}`;
};

if (process.argv[1] === new URL(import.meta.url).pathname) {
  for (let i = 0; i < Number(process.argv[2] ?? 500); i++) console.log(session(1e6 + i));
}
