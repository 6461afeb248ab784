import { Runtime, compile } from './runtime.mjs';
import { Store } from './store.mjs';

export { StrataError } from './errors.mjs';
export { Store } from './store.mjs';
export { Persistence } from './persist.mjs';
export { AsyncMap, keyvStore, unstorageDriver } from './async.mjs';

/** Starts the module once; its stores share its memory. */
export async function load(module) {
  const runtime = await Runtime.start(await compile(module));
  return new Module(runtime);
}

class Module {
  #runtime;

  constructor(runtime) {
    this.#runtime = runtime;
  }

  open(options = {}) {
    return new Store(this.#runtime, options);
  }

  get memoryBytes() {
    return this.#runtime.memory.buffer.byteLength;
  }

  collect() {
    this.#runtime.reserve(0);
    return this.#runtime.exports.collect();
  }
}

/** Starts a module for one store, and opens it. */
export async function open(options = {}) {
  const module = await load(options.module);
  return module.open(options);
}
