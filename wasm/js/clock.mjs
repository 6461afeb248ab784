// How often the store is told the wall clock, and the least jump of it that
// counts as time passed in sleep.
const LOOK_EVERY = 100;
const SLEEP = 2000;

const wallNow = () => Date.now();
const runNow = () => globalThis.performance?.now() ?? Date.now();

/**
 * The host's time: `boot()` gives milliseconds since some start, never going
 * back; `look()` says whether it is time to tell the store the wall clock.
 * The monotonic clock of many hosts stands still while they sleep, and records
 * must not live on for that long: a wall clock that jumps ahead of it counts as
 * time passed. With `now` given, both clocks are that function; with `monotonic`,
 * that one is taken at its word.
 */
export class Clock {
  #wall;
  #run;
  #start;
  #slept = 0;
  #sleeps;
  #next = 0;
  #last = 0;

  constructor({ now, monotonic } = {}) {
    this.#wall = now ?? wallNow;
    this.#sleeps = monotonic === undefined;
    const run = monotonic ?? now ?? runNow;
    const base = run(); // small numbers keep fractions of a millisecond exact
    this.#run = () => run() - base;
    this.#start = this.#wall();
  }

  wall() {
    return Math.max(this.#wall(), 0);
  }

  boot() {
    const run = this.#run() + this.#slept;
    if (run > this.#last) this.#last = run;
    return this.#last;
  }

  look() {
    const run = this.#run();
    if (run < this.#next) return false;
    this.#next = run + LOOK_EVERY;
    const ahead = this.#wall() - run - this.#start;
    if (this.#sleeps && ahead - this.#slept >= SLEEP) this.#slept = ahead;
    return true;
  }
}
