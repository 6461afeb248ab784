// A Worker with sessions. An isolate's memory is neither shared nor durable: two
// requests of one user may meet two isolates, and each may end at any time. So
// the store lives in a Durable Object, of which there is one: it keeps the
// sessions in memory and, some moments after a change, in its storage.
import { DurableObject } from 'cloudflare:workers';
import wasm from '../../strata.wasm'; // of a package: '@stratakv/strata/strata.wasm'
import { open } from '../../index.mjs';
import { durableObject } from '../../adapters.mjs';
import { Sessions } from '../../sessions.mjs';

const SAVE_AFTER = 1000; // what a crash may cost, in milliseconds

export class Home extends DurableObject {
  constructor(ctx, env) {
    super(ctx, env);
    this.saves = 0;
    ctx.blockConcurrencyWhile(async () => {
      this.store = await open({ module: wasm, maxBytes: 32 << 20 });
      this.kept = this.store.persist(durableObject(ctx.storage));
      await this.kept.load();
      this.sessions = new Sessions(this.store);
    });
  }

  async fetch(request) {
    const before = this.store.stats().version;
    const response = await this.sessions.handle(request, (session) => this.answer(new URL(request.url), session));
    if (this.store.stats().version !== before && (await this.ctx.storage.getAlarm()) === null) {
      await this.ctx.storage.setAlarm(Date.now() + SAVE_AFTER);
    }
    return response;
  }

  async alarm() {
    await this.kept.save();
    this.saves++;
  }

  answer({ pathname, searchParams }, session) {
    switch (pathname) {
      case '/login': // where a password would be checked
        session.login(searchParams.get('user') ?? 'somebody');
        session.flash('note', 'welcome');
        break;
      case '/logout':
        session.destroy();
        break;
      case '/status':
        return Response.json({ records: this.store.size, saves: this.saves });
      default:
        session.set('visits', (session.get('visits') ?? 0) + 1);
    }
    return Response.json({ user: session.user ?? null, visits: session.get('visits') ?? 0, notes: pathname === '/' ? session.flashes('note') : [] });
  }
}

export default {
  fetch: (request, env) => env.HOME.get(env.HOME.idFromName('home')).fetch(request),
};
