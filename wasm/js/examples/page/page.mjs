// A store that is written and read a few hundred times a frame, and what it does
// as a picture.
import { load } from '../../index.mjs';
import { indexedDB as keptInDB } from '../../adapters.mjs';

const CAP = 4 << 20;
const USERS = 20_000;
const POINTS = 300;
const PER_FRAME = 300;

const $ = (id) => document.getElementById(id);
const adapter = keptInDB('strata-example');
const module = await load();

let store, running = true, refused = 0, before;
const hitsLine = [], memoryLine = [];

function open(mode) {
  const snapshot = store?.export();
  store?.close();
  store = module.open({ maxBytes: CAP, mode });
  if (snapshot) take(() => store.import(snapshot));
  before = store.stats();
}

/** A write that may have no room. */
function take(write) {
  try {
    write();
  } catch (error) {
    if (error.code !== 'FULL') throw error;
    refused++;
  }
}

/** Users come back the more often the lower their number. */
const user = () => `session:${Math.floor(USERS * Math.random() ** 3)}`;

const session = () => JSON.stringify({
  csrf: crypto.randomUUID(), roles: ['customer'], locale: 'en-GB', theme: 'dark',
  cart: Array.from({ length: Math.floor(Math.random() * 6) }, () => ({ sku: Math.random().toString(36).slice(2), quantity: 1 })),
});

function step() {
  for (let i = 0; i < PER_FRAME; i++) {
    const key = user();
    if (store.getView(key) === undefined) take(() => store.set(key, session(), { ttl: 2000 + Math.random() * 60_000 }));
  }
}

const path = (points) => points.map((y, x) => `${x ? 'L' : 'M'}${x} ${(100 - y).toFixed(1)}`).join('');
const kib = (bytes) => `${(bytes / 1024).toFixed(0)} KiB`;

function draw() {
  const now = store.stats();
  const reads = now.hits + now.misses - before.hits - before.misses;
  if (reads > 0) {
    const hits = 100 * (now.hits - before.hits) / reads;
    hitsLine.push(hits);
    memoryLine.push(100 * now.usedBytes / (CAP * 1.1));
    for (const line of [hitsLine, memoryLine]) if (line.length > POINTS) line.shift();
    $('hits').textContent = `${hits.toFixed(0)} %`;
  }
  before = now;
  $('hitsLine').setAttribute('d', path(hitsLine));
  $('memoryLine').setAttribute('d', path(memoryLine));
  $('records').textContent = now.records.toLocaleString('en');
  $('used').textContent = kib(now.usedBytes);
  $('raw').textContent = kib(now.rawBytes);
  $('swept').textContent = now.swept.toLocaleString('en');
  $('refused').textContent = (refused + now.evictions).toLocaleString('en');
}

function frame() {
  if (running) {
    step();
    draw();
  }
  requestAnimationFrame(frame);
}

$('run').onclick = () => {
  running = !running;
  $('run').textContent = running ? 'Pause' : 'Go on';
};
$('clear').onclick = () => {
  store.clear();
  draw();
};
$('cache').onchange = () => open($('cache').checked ? 'cache' : 'store');
$('save').onclick = async () => {
  await store.persist(adapter).save();
  $('said').textContent = `saved ${store.size.toLocaleString('en')} records; reload the page`;
};

open('store');
const found = await store.persist(adapter).load();
$('said').textContent = found ? `${store.size.toLocaleString('en')} records from the last save` : 'no save yet';
document.documentElement.dataset.records = String(store.size);
before = store.stats();
draw();
frame();
