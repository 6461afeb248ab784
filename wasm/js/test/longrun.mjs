import { equal, noise, ok, random } from './check.mjs';

const OPS = 24_000;

/** Random calls beside a Map, until there were many, and the garbage was collected at least twice by itself. */
export function longRun({ module }) {
  let now = 1_800_000_000_000;
  const store = module.open({ maxBytes: 8 << 20, now: () => now });
  const next = random(42);
  const map = new Map();
  const live = (key) => {
    const record = map.get(key);
    return record && (record.expires === 0 || record.expires > now) ? record : undefined;
  };
  const before = module.collect();
  for (let i = 0; i < OPS; i++) {
    const key = `session:${next(500)}`;
    switch (next(8)) {
      case 0:
      case 1:
      case 2: {
        const value = i % 400 === 0 ? noise(next, 1_500_000) : noise(next, next(300));
        const ttl = next(3) * 1000;
        store.set(key, value, { ttl });
        map.set(key, { value, expires: ttl && now + ttl });
        if (value.length > 1e6) {
          store.delete(key);
          map.delete(key);
        }
        break;
      }
      case 3:
        equal(store.delete(key), live(key) !== undefined, 'delete');
        map.delete(key);
        break;
      case 4: {
        const record = live(key);
        equal(store.touch(key, { ttl: 500 }), record !== undefined, 'touch');
        if (record) record.expires = now + 500;
        break;
      }
      case 5:
        now += next(20);
        break;
      default:
        equal(store.get(key), live(key)?.value, 'get');
    }
  }
  const keys = [...map.keys()].filter(live).sort();
  equal([...store.keys()], keys, 'keys at the end');
  const collections = module.collect() - before - 1;
  ok(collections >= 2, `collections by itself: got ${collections}, want at least 2`);
}
