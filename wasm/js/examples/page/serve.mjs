// Serves the example page: `node examples/page/serve.mjs [port]`.
import { access } from 'node:fs/promises';
import { serve } from '../../test/server.mjs';

await access(new URL('../../strata.wasm', import.meta.url)).catch(() => {
  console.error('strata.wasm is not there: go run ./wasm/build');
  process.exit(1);
});
const { url } = await serve({ port: Number(process.argv[2] ?? 8090) });
console.log(`${url}/examples/page/index.html`);
