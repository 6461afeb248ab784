/**
 * Carries a store over a restart, when it is told to: `save` writes a snapshot
 * of one moment, `load` takes the last whole one. Saves wait for each other.
 */
export class Persistence {
  #store;
  #adapter;
  #last = Promise.resolve();

  constructor(store, adapter) {
    this.#store = store;
    this.#adapter = adapter;
  }

  async load() {
    const snapshot = await this.#adapter.load();
    if (snapshot === undefined) return false;
    this.#store.import(snapshot);
    return true;
  }

  save() {
    const save = () => this.#adapter.save(this.#store.export());
    this.#last = this.#last.then(save, save);
    return this.#last;
  }
}
