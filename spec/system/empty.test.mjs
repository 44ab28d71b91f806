// A daemon without a trader: it starts, says so, screens what is written later, and starts again when all are off.
// time limit: 120
import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { endAll, eventually, recordedMarket, startDaemon, startExchange, stop } from './daemon.mjs';
import { tempDir } from './harness.mjs';

after(endAll);

const SOURCE = 'return trader {name = "First", interval = "1m", filter = function(m) return m.time / 60000 % 3 == 0 end}\n';

test('an empty folder of traders is where an install begins', async () => {
  const market = recordedMarket(2), traders = tempDir(), folder = tempDir();
  const exchange = await startExchange(market, 60, { stays: true });
  const begin = () => startDaemon({ port: exchange.port, market, folder, traders });
  let daemon = await begin();
  await daemon.until(it => it.logged(/running: 2 symbols, 0 traders/).length, 'the daemon to be warm');
  assert.equal(daemon.logged(/there is no trader in \S+ yet, so that nothing is screened: write one in the editor/).length, 1);
  assert.deepEqual([(await daemon.get('/ready')).body.ready, (await daemon.get('/health')).body.status], [true, 'healthy']);
  assert.deepEqual((await daemon.get('/api/v1/traders')).body, { traders: [] });

  const call = async (method, path, body) => {
    const response = await fetch(`http://127.0.0.1:${daemon.port()}/api/v1${path}`, { method, body: JSON.stringify(body), headers: { Authorization: `Bearer ${daemon.token}` } });
    return { code: response.status, ...await response.json() };
  };
  const look = await call('POST', '/traders/look', { source: SOURCE });
  assert.ok(look.code === 200 && look.symbols === 2 && look.matches.length > 10, JSON.stringify(look).slice(0, 300));
  const made = await call('POST', '/traders', { id: 'first', source: SOURCE });
  assert.equal(made.code, 201, JSON.stringify(made));
  assert.ok(readdirSync(traders).includes('first.lua'));
  await eventually(async () => (await daemon.get('/api/v1/signals?state=confirmed&limit=1')).body.signals.length === 1, 'its first signal');

  assert.equal((await call('POST', '/traders/first', { enabled: false })).code, 202);
  await eventually(async () => (await daemon.get('/api/v1/traders/first')).body.enabled === false, 'the trader to be off');
  assert.equal((await stop(daemon)).code, 0, daemon.stderr.slice(-1000));
  daemon = await begin();
  await daemon.until(it => it.logged(/running: 2 symbols/).length, 'the daemon to be warm with a trader that is off');
  assert.equal(daemon.logged(/there is no trader in/).length, 0);
  assert.equal((await call('POST', '/traders/first', { enabled: true })).code, 202);
  await eventually(async () => (await daemon.get('/api/v1/traders/first')).body.state === 'running', 'the trader to run');
  assert.equal((await stop(daemon)).code, 0, daemon.stderr.slice(-1000));
});
