// Codes of the module's calls, as ABI.md lists them.
const codes = {
  [-1]: ['NOT_FOUND', 'not found'],
  [-2]: ['CLOSED', 'store is closed'],
  [-3]: ['TTL', 'lifetime out of range'],
  [-4]: ['TOO_LARGE', 'too large'],
  [-5]: ['FULL', 'store is full'],
  [-6]: ['VERSION', 'version does not match'],
  [-7]: ['CORRUPT', 'corrupt data'],
  [-8]: ['UNKNOWN_OUTCOME', 'outcome unknown'],
  [-9]: ['UNAVAILABLE', 'store is unavailable'],
  [-10]: ['LOCKED', 'store is locked'],
  [-11]: ['ARGUMENT', 'argument out of range'],
  [-12]: ['BROKEN', 'fault inside the module; the store was closed'],
  [-13]: ['MEMORY', 'more memory than an instance gives'],
};

export const NOT_FOUND = -1;
export const VERSION = -6;

/** What a store throws; `code` says which error it is. It names no key or value. */
export class StrataError extends Error {
  constructor(code, message) {
    super(`strata: ${message}`);
    this.name = 'StrataError';
    this.code = code;
  }
}

/** The error of a negative code. */
export function errorOf(code) {
  const [name, message] = codes[code] ?? ['BROKEN', `unknown code ${code}`];
  return new StrataError(name, message);
}
