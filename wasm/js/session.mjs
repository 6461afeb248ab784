import { StrataError } from './errors.mjs';
import { decode, encode, compare } from './cbor.mjs';
import { freshRecord } from './session-record.mjs';

const MAX_FLASHES = 64;

/** What ends a session for changes and gives what is to be saved. */
export const settle = Symbol('settle');

/** What a request did to its session, to be done to whatever record is there when it is saved. */
class Changes {
  values = new Map(); // key → entry, undefined: deleted
  flashes = [];
  shown = new Set(); // generations
  login = undefined; // a user
  renew = false;
  settings = {}; // idle, life, persistent
  agent = '';

  any() {
    return this.values.size + this.flashes.length > 0 || this.login !== undefined || this.renew || Object.keys(this.settings).length > 0;
  }

  /** A copy of record, or a new one, with these changes. */
  apply(record, now) {
    const own = record === undefined ? freshRecord(now) : { ...record, values: new Map(record.values), flashes: [...record.flashes] };
    for (const [key, entry] of this.values) {
      if (entry === undefined) own.values.delete(key);
      else own.values.set(key, entry);
    }
    for (const [key, { expires }] of own.values) if (expires !== 0 && expires <= now) own.values.delete(key);
    own.flashes = own.flashes.filter(({ generation }) => !this.shown.has(generation));
    for (const flash of this.flashes) own.flashes.push({ ...flash, generation: ++own.generation });
    own.flashes = own.flashes.slice(-MAX_FLASHES);
    const { idle, life, persistent } = this.settings;
    if (idle !== undefined) own.idle = idle;
    if (life !== undefined) own.life = life;
    if (persistent !== undefined) own.flags = persistent ? own.flags | 2 : own.flags & ~2;
    if (this.login !== undefined) {
      if (own.user !== this.login) own.lineage = crypto.getRandomValues(new Uint8Array(16));
      Object.assign(own, { user: this.login, begun: now, agent: this.agent, flags: own.flags | 1 });
    }
    return own;
  }

  /** Whether `after`, made of `before` by apply, is another record. */
  changes(before, after) {
    if (before === undefined) return after.values.size + after.flashes.length > 0 || this.login !== undefined;
    if (this.login !== undefined || this.flashes.length > 0 || before.flashes.length !== after.flashes.length) return true;
    if (before.idle !== after.idle || before.life !== after.life || before.flags !== after.flags) return true;
    for (const key of this.values.keys()) {
      const [a, b] = [before.values.get(key), after.values.get(key)];
      if ((a === undefined) !== (b === undefined) || (a && (a.expires !== b.expires || compare(a.value, b.value) !== 0))) return true;
    }
    return false;
  }
}

/** The session of one request. index.d.ts says what each method promises. */
export class Session {
  #read;
  #known; // token, id, now, agent
  #base;
  #loaded = false;
  #settled = false;
  #ended;
  #changes;

  constructor(read, known) {
    this.#read = read;
    this.#known = known;
    this.#changes = this.#fresh();
  }

  #fresh() {
    return Object.assign(new Changes(), { agent: this.#known.agent });
  }

  #load() {
    if (!this.#loaded) {
      this.#base = this.#read();
      this.#loaded = true;
    }
    return this.#base;
  }

  #open() {
    if (this.#settled) throw new StrataError('CLOSED', 'the session was saved already');
    this.#load();
  }

  #entry(key) {
    this.#load();
    const entry = this.#changes.values.has(key) ? this.#changes.values.get(key) : this.#base?.record.values.get(key);
    return entry !== undefined && (entry.expires === 0 || entry.expires > this.#known.now()) ? entry : undefined;
  }

  get(key) {
    const entry = this.#entry(key);
    return entry === undefined ? undefined : decode(entry.value);
  }

  has(key) {
    return this.#entry(key) !== undefined;
  }

  keys() {
    this.#load();
    const all = new Set([...(this.#base?.record.values.keys() ?? []), ...this.#changes.values.keys()]);
    return [...all].filter((key) => this.has(key)).sort();
  }

  set(key, value, options) {
    this.#open();
    if (typeof key !== 'string') throw new TypeError('strata: a key of a session is no string');
    const ttl = options?.ttl ?? 0;
    if (!(ttl >= 0 && ttl < Number.MAX_SAFE_INTEGER / 2)) throw new StrataError('TTL', 'lifetime out of range');
    this.#changes.values.set(key, { expires: ttl === 0 ? 0 : this.#known.now() + Math.ceil(ttl), value: encode(value) });
  }

  delete(key) {
    this.#open();
    this.#changes.values.set(key, undefined);
  }

  get user() {
    this.#load();
    return (this.#changes.login ?? this.#base?.record.user) || undefined;
  }

  get exists() {
    return this.#load() !== undefined;
  }

  login(user) {
    this.#open();
    if (typeof user !== 'string' || user === '' || user.length > 1024) throw new StrataError('ARGUMENT', 'no name of a user');
    this.#changes.login = user;
    this.#changes.renew = true;
  }

  renew() {
    this.#open();
    this.#changes.renew = true;
  }

  destroy() {
    this.#open();
    this.#ended ??= this.#base;
    this.#base = undefined;
    this.#changes = this.#fresh();
  }

  flash(key, value) {
    this.#open();
    this.#changes.flashes.push({ key, value: encode(value) });
  }

  flashes(key) {
    this.#open();
    const found = (this.#base?.record.flashes ?? []).filter((flash) => flash.key === key);
    for (const { generation } of found) this.#changes.shown.add(generation);
    return found.map(({ value }) => decode(value));
  }

  configure({ idle, lifetime, persistent }) {
    this.#open();
    for (const ms of [idle, lifetime]) {
      if (ms !== undefined && !(Number.isSafeInteger(ms) && ms >= 0)) throw new StrataError('ARGUMENT', 'a lifetime is out of range');
    }
    const settings = { idle, life: lifetime, persistent };
    for (const [name, value] of Object.entries(settings)) if (value !== undefined) this.#changes.settings[name] = value;
  }

  [settle]() {
    if (this.#settled) return undefined;
    this.#settled = true;
    if (!this.#loaded) return undefined;
    return { ...this.#known, base: this.#base, ended: this.#ended, changes: this.#changes };
  }
}
