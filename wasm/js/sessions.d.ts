import type { Store } from './index.js';

export interface SessionsOptions {
  /** What the keys in the store begin with; default "web:", as the Go package's. */
  prefix?: string;
  /** The cookie is `__Host-` and this; default "session". */
  name?: string;
  /** How long a session lives without use, in milliseconds; default 30 minutes. */
  idle?: number;
  /** How long it lives from creation or login on, however much it is used; default 24 hours, or idle. */
  lifetime?: number;
  /** How long a new one lives until a client has come back with it; default 10 minutes, or idle. */
  firstLifetime?: number;
  /** How old the record of its last use may be before a use is written; default a 20th of idle. */
  touch?: number;
}

/** What a session holds: what JSON has, and bytes, dates, maps and integers of 64 bits. */
export type Value =
  | null | boolean | number | bigint | string | Uint8Array | Date
  | readonly Value[] | { readonly [key: string]: Value | undefined } | ReadonlyMap<Value, Value>;

/** The session of one request. It is read when it is first used, and saved once, at the end. */
export interface Session {
  get(key: string): any;
  has(key: string): boolean;
  keys(): string[];
  /** `ttl`: milliseconds after which the value is gone although the session lives. */
  set(key: string, value: Value, options?: { ttl?: number }): void;
  delete(key: string): void;
  /** Whether the client has a session. */
  readonly exists: boolean;
  /** Who it is bound to. */
  readonly user: string | undefined;
  /** Binds the session to a user who has just been authenticated. It gets a new id; the old one is dead. */
  login(user: string): void;
  /** A new id, as is due when rights change. */
  renew(): void;
  /** Ends the session. What is set afterwards begins a new one. */
  destroy(): void;
  /** Leaves a message for a later request. */
  flash(key: string, value: Value): void;
  /** What earlier requests left, which is then gone. */
  flashes(key: string): any[];
  /** Times of this session's own, 0: the manager's; persistent: the cookie outlives the browser. */
  configure(settings: { idle?: number; lifetime?: number; persistent?: boolean }): void;
}

/**
 * Sessions of fetch handlers: the same cookie, hashed ids and records as the Go
 * package session, so that a snapshot moves between a Go server and a worker, and
 * users stay logged in.
 */
export class Sessions {
  constructor(store: Store, options?: SessionsOptions);
  open(request: Request): Promise<Session>;
  /**
   * Saves a session; gives the headers of the response. Requests of one session
   * beside each other are merged, key by key. VERSION: it was ended meanwhile.
   */
  commit(session: Session): Promise<[name: string, value: string][]>;
  /** Runs a handler with the request's session, saves it and completes the response. */
  handle(request: Request, handler: (session: Session) => Response | Promise<Response>): Promise<Response>;
  /** Middleware of Hono: the session is `c.get('session')`. */
  hono(): (c: any, next: () => Promise<void>) => Promise<void>;
}
