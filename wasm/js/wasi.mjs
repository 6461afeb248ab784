// What the module asks of its host: WASI preview 1, as little of it as Go's
// runtime needs. Three things are easily got wrong: poll_oneoff must answer (the
// runtime asks at its first garbage collection, so that short tests pass without
// it), the monotonic clock must never be 0 (it is, in the global scope of
// workerd), and random_get must be random (it seeds the hash against floods).

const OK = 0;
const BADF = 8;
const NOSYS = 52;
const EVENT_SIZE = 32;

/** The imports of a module; `memory()` gives its memory, `exit(code)` is told its end. */
export function wasi({ memory, exit }) {
  const view = () => new DataView(memory().buffer);
  let line = '';
  const tell = (text) => { // the runtime's last words, when it ends by a fault
    const lines = (line + text).split('\n');
    line = lines.pop();
    if (lines.length > 0) console.error(lines.join('\n'));
  };
  const none = (count, size) => {
    view().setUint32(count, 0, true);
    view().setUint32(size, 0, true);
    return OK;
  };
  const time = (id) => {
    const ms = id === 0 ? Date.now() : 1000 + (globalThis.performance?.now() ?? Date.now());
    return BigInt(Math.round(ms * 1e6));
  };
  return {
    args_sizes_get: none,
    args_get: () => OK,
    environ_sizes_get: none,
    environ_get: () => OK,
    sched_yield: () => OK,
    fd_prestat_get: () => BADF, // there are no directories
    clock_time_get(id, _precision, result) {
      view().setBigUint64(result, time(id), true);
      return OK;
    },
    random_get(at, length) {
      for (let done = 0; done < length; done += 65536) { // what one call may ask for
        crypto.getRandomValues(new Uint8Array(memory().buffer, at + done, Math.min(65536, length - done)));
      }
      return OK;
    },
    poll_oneoff(subscriptions, events, count, result) {
      const v = view();
      for (let i = 0; i < count; i++) { // every timer has passed, every file is ready
        const event = events + i * EVENT_SIZE;
        for (let at = 0; at < EVENT_SIZE; at += 4) v.setUint32(event + at, 0, true);
        v.setBigUint64(event, v.getBigUint64(subscriptions + i * 48, true), true);
        v.setUint8(event + 10, v.getUint8(subscriptions + i * 48 + 8));
      }
      v.setUint32(result, count, true);
      return OK;
    },
    fd_write(fd, vectors, count, result) {
      const v = view();
      let text = '', length = 0;
      for (let i = 0; i < count; i++) {
        const bytes = new Uint8Array(memory().buffer, v.getUint32(vectors + 8 * i, true), v.getUint32(vectors + 8 * i + 4, true));
        text += new TextDecoder().decode(bytes.slice());
        length += bytes.length;
      }
      if (fd === 2) tell(text);
      v.setUint32(result, length, true);
      return OK;
    },
    proc_exit: exit,
  };
}

/** `functions`, and for what else `module` imports, one that says "not here". */
export function importsOf(module, functions) {
  const all = {};
  for (const { name } of WebAssembly.Module.imports(module)) {
    all[name] = functions[name] ?? (() => NOSYS);
  }
  return { wasi_snapshot_preview1: all };
}
