import { StrataError } from './errors.mjs';
import { Session, settle } from './session.mjs';
import { base64, decodeRecord, encodeIndex, encodeRecord, isID, newID, sha256 } from './session-record.mjs';

const MINUTE = 60_000;
const MAX_AGE = 34_560_000; // seconds
const MAX_BYTES = 1 << 20;

/**
 * Sessions of fetch handlers, in the records and cookies of the Go package
 * session: session/FORMAT.md is the contract, index.d.ts says how to use it.
 */
export class Sessions {
  #store;
  #options;

  constructor(store, options = {}) {
    const { prefix = 'web:', name = 'session', idle = 30 * MINUTE, onError } = options;
    const lifetime = options.lifetime ?? Math.max(24 * 60 * MINUTE, idle);
    const firstLifetime = options.firstLifetime ?? Math.min(10 * MINUTE, idle);
    const touch = options.touch ?? idle / 20;
    const times = { idle, lifetime, firstLifetime, touch };
    for (const [what, ms] of Object.entries(times)) {
      if (!(ms >= 0 && ms <= Number.MAX_SAFE_INTEGER)) throw new StrataError('ARGUMENT', `${what} is out of range`);
    }
    this.#store = store;
    this.#options = { ...times, prefix, cookie: `__Host-${name}`, onError };
  }

  /** The session of a request. Nothing is read before it is used. */
  async open(request) {
    const token = tokenOf(request.headers.get('cookie') ?? '', this.#options.cookie);
    const id = token === undefined ? undefined : await sha256(token);
    return new Session(() => this.#read(id), {
      token, id, now: () => this.#now(), agent: agentOf(request.headers.get('user-agent') ?? ''),
    });
  }

  #now() {
    return this.#store.stats().clock;
  }

  #key(id) {
    return `${this.#options.prefix}s:${base64(id)}`;
  }

  /** The record of an id, or of the one in whose grace it is; undefined: none that is alive. */
  #read(id) {
    for (let moves = 0; id !== undefined && moves < 2; moves++) {
      const item = this.#store.getItem(this.#key(id));
      if (item === undefined) return undefined;
      const record = decodeRecord(item.value);
      if (record.to === undefined) {
        return this.#deadline(record) > this.#now() ? { id, version: item.version, record } : undefined;
      }
      if (record.until <= this.#now()) return undefined;
      id = record.to;
    }
    return undefined;
  }

  #idle(record) { return record.idle || this.#options.idle; }

  #touch(record) {
    const { touch, idle } = this.#options;
    return record.idle ? Math.floor(record.idle * (touch / idle)) : Math.floor(touch);
  }

  #end(record) { return record.begun + (record.life || this.#options.lifetime); }

  #extended(record) {
    const left = record.flags & 1 ? this.#idle(record) + this.#touch(record) : Math.min(this.#options.firstLifetime, this.#idle(record));
    return Math.min(record.seen + left, this.#end(record));
  }

  #deadline(record) { return Math.min(record.expires, this.#extended(record)); }

  /** Whether the use of a session has to be written. */
  #stale(record, now) {
    if (!(record.flags & 1) || now - record.seen >= Math.max(this.#touch(record), 1)) return true;
    return record.expires - now < this.#idle(record) && record.expires < this.#end(record);
  }

  /**
   * Saves a session and returns what goes with the response: headers, as pairs.
   * VERSION: it was ended meanwhile, and what the request did to it is lost.
   */
  async commit(session) {
    const state = session[settle]();
    if (state === undefined) return [];
    if (state.ended !== undefined) await this.#remove(state.ended);
    const saved = await this.#save(state);
    if (saved === undefined) return state.ended === undefined ? [] : this.#headers('', 0);
    if (saved.token === undefined) return [];
    const seconds = Math.min(Math.ceil((saved.record.expires - this.#now()) / 1000), MAX_AGE);
    return this.#headers(saved.token, saved.record.flags & 2 ? seconds : undefined);
  }

  #headers(token, maxAge) {
    const age = maxAge === undefined ? '' : `; Max-Age=${maxAge}`;
    return [
      ['Set-Cookie', `${this.#options.cookie}=${token}; Path=/${age}; HttpOnly; Secure; SameSite=Lax`],
      ['Cache-Control', 'no-cache="Set-Cookie"'],
    ];
  }

  /** Deletes a record and its index entry, whatever others made of it meanwhile. */
  async #remove(stored) {
    for (let now = stored; now !== undefined; now = this.#read(now.id)) {
      const ops = [{ type: 'delete', key: this.#key(now.id), version: now.version }];
      if (now.record.user !== '') ops.push({ type: 'delete', key: await this.#handle(now.record) });
      if (this.#write(ops)) return;
    }
  }

  /** A write whose conditions may not hold: false. */
  #write(ops) {
    try {
      this.#store.write(ops);
      return true;
    } catch (error) {
      if (error.code === 'VERSION') return false;
      throw error;
    }
  }

  async #handle(record) {
    return `${this.#options.prefix}u:${base64(await sha256(record.user))}${base64(record.lineage)}`;
  }

  /** Writes what the request made of the session; undefined: nothing to write. */
  async #save(state) {
    let token;
    for (let to = state.base; ; to = this.#read(to.id)) {
      const now = this.#now();
      if (to === undefined && state.base !== undefined && !state.changes.login) {
        if (!state.changes.any()) return undefined; // only the use is lost
        throw new StrataError('VERSION', 'the session was ended meanwhile');
      }
      const record = state.changes.apply(to?.record, now);
      const renewed = to !== undefined && state.changes.renew;
      if (!renewed && !state.changes.changes(to?.record, record) && (to === undefined || !this.#stale(to.record, now))) return undefined;
      if (to !== undefined) record.flags |= 1;
      record.seen = Math.max(record.seen, now);
      record.end = this.#end(record);
      record.expires = this.#extended(record);
      if (to === undefined || renewed) token ??= newID();
      const id = token === undefined ? to.id : await sha256(token);
      if (this.#write(await this.#ops(to, renewed, id, record))) {
        const own = to?.id === state.id && ((record.flags | (to?.record.flags ?? 0)) & 2) ? state.token : undefined;
        return { token: token ?? own, record };
      }
      if (to === undefined) throw new StrataError('VERSION', 'a new session met another one of its id');
    }
  }

  async #ops(to, renewed, id, record) {
    const value = encodeRecord(record);
    if (value.length > MAX_BYTES) throw new StrataError('TOO_LARGE', 'the session is too large');
    const fresh = to === undefined || renewed;
    const ops = [{ type: 'set', key: this.#key(id), value, version: fresh ? 0 : to.version, expires: record.expires }];
    if (renewed) ops.push({ type: 'delete', key: this.#key(to.id), version: to.version });
    const before = to?.record.user ? await this.#handle(to.record) : undefined;
    const after = record.user ? await this.#handle(record) : undefined;
    if (before !== undefined && before !== after) ops.push({ type: 'delete', key: before });
    if (after !== undefined && (fresh || before !== after || to.record.end !== record.end)) {
      ops.push({ type: 'set', key: after, value: encodeIndex(id), expires: record.end });
    }
    return ops;
  }

  /** Runs a handler with the session of a request, saves it, and completes the response. */
  async handle(request, handler) {
    const session = await this.open(request);
    const response = await handler(session);
    const headers = await this.commit(session);
    if (headers.length === 0) return response;
    const complete = new Response(response.body, response); // its headers may not be changed
    for (const [name, value] of headers) complete.headers.append(name, value);
    return complete;
  }

  /** Middleware of Hono: the session is `c.get('session')`. */
  hono() {
    return async (c, next) => {
      const session = await this.open(c.req.raw);
      c.set('session', session);
      await next();
      for (const [name, value] of await this.commit(session)) c.res.headers.append(name, value);
    };
  }
}

/** The first cookie of that name whose value could be an id. */
function tokenOf(header, name) {
  for (const pair of header.split(';')) {
    const [key, ...value] = pair.split('=');
    if (key.trim() === name && isID(value.join('=').trim())) return value.join('=').trim();
  }
  return undefined;
}

/** A user agent of at most 160 bytes of UTF-8. */
function agentOf(agent) {
  const bytes = new TextEncoder().encode(agent).subarray(0, 160);
  return new TextDecoder().decode(bytes).replaceAll('\ufffd', '');
}
