// The public dumps that exchange-sim serves, read here by Node alone: names, units of time, dates of publication, checksums,
// and the same bars as REST.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { crc32, inflateRawSync } from 'node:zlib';
import { get, sim } from './wire.mjs';

const fetchBytes = async (it, path) => {
  const reply = await fetch(`http://127.0.0.1:${it.port}${path}`);
  return { status: reply.status, bytes: Buffer.from(await reply.arrayBuffer()) };
};

/** The one file of an archive, by its central directory. */
function unzip(bytes) {
  const end = bytes.length - 22;
  assert.equal(bytes.readUInt32LE(end), 0x06054b50);
  assert.equal(bytes.readUInt16LE(end + 10), 1);
  const at = bytes.readUInt32LE(end + 16);
  assert.equal(bytes.readUInt32LE(at), 0x02014b50);
  const nameBytes = bytes.readUInt16LE(at + 28), first = bytes.readUInt32LE(at + 42);
  assert.equal(bytes.readUInt32LE(first), 0x04034b50);
  const data = first + 30 + bytes.readUInt16LE(first + 26) + bytes.readUInt16LE(first + 28);
  const text = inflateRawSync(bytes.subarray(data, data + bytes.readUInt32LE(at + 20)));
  assert.equal(text.length, bytes.readUInt32LE(at + 24));
  assert.equal(crc32(text), bytes.readUInt32LE(at + 16));
  return { name: bytes.toString('utf8', at + 46, at + 46 + nameBytes), lines: text.toString().trim().split('\n') };
}

async function dump(it, folder, stem) {
  const path = `/data/${folder}/${stem}.zip`;
  const archive = await fetchBytes(it, path), checksum = await fetchBytes(it, `${path}.CHECKSUM`);
  assert.deepEqual([archive.status, checksum.status], [200, 200], path);
  assert.equal(checksum.bytes.toString(), `${createHash('sha256').update(archive.bytes).digest('hex')}  ${stem}.zip\n`);
  const { name, lines } = unzip(archive.bytes);
  assert.equal(name, `${stem}.csv`);
  return lines;
}

const statuses = (it, paths) => Promise.all(paths.map(async path => (await fetchBytes(it, path)).status));

test('spot: ms before 2025, microseconds from then on, no names, the bars of REST', async () => {
  const it = await sim(['--symbols', 'BTCUSDT', '--from', '2025-01-08']);
  const old = await dump(it, 'spot/daily/klines/BTCUSDT/1h', 'BTCUSDT-1h-2024-12-31');
  const young = await dump(it, 'spot/daily/klines/BTCUSDT/1h', 'BTCUSDT-1h-2025-01-01');
  for (const [lines, from, unit, end] of [[old, Date.UTC(2024, 11, 31), 1, 999], [young, Date.UTC(2025, 0, 1), 1000, 999999]]) {
    const rows = (await get(it, `/api/v3/klines?symbol=BTCUSDT&interval=1h&startTime=${from}&limit=24`)).body;
    assert.deepEqual(lines.map(line => line.split(',')), rows.map(r => [r[0] * unit, ...r.slice(1, 6),
      (r[6] + 1) * unit - 1, r[7], r[8], r[9], r[10], 0].map(String)));
    assert.equal(Number(lines[0].split(',')[6]) % (unit * 1000), end % (unit * 1000));
  }
  const month = await dump(it, 'spot/monthly/klines/BTCUSDT/1mo', 'BTCUSDT-1mo-2024-12');
  assert.equal(month.length, 1);
  assert.equal(month[0].split(',')[0], String(Date.UTC(2024, 11, 1)));
});

test('a day is there from the next day on, a month from the first Monday after it', async () => {
  const day = date => `/data/spot/daily/klines/BTCUSDT/1m/BTCUSDT-1m-${date}.zip`;
  const month = date => `/data/spot/monthly/klines/BTCUSDT/1m/BTCUSDT-1m-${date}.zip`;
  const sunday = await sim(['--symbols', 'BTCUSDT', '--from', '2025-03-02T23:59:00Z', '--speed', '0.001']);
  assert.deepEqual(await statuses(sunday, [day('2025-03-01'), day('2025-03-02'), month('2025-01'), month('2025-02')]), [200, 404, 200, 404]);
  const monday = await sim(['--symbols', 'BTCUSDT', '--from', '2025-03-03T00:00:00Z', '--speed', '0.001']);
  assert.deepEqual(await statuses(monday, [day('2025-03-02'), day('2025-03-03'), month('2025-02'), month('2025-03')]), [200, 404, 200, 404]);
});

test('USD-M futures: names, and ms', async () => {
  const it = await sim(['--symbols', 'BTCUSDT', '--market', 'usdm', '--from', '2025-01-08']);
  const lines = await dump(it, 'futures/um/daily/klines/BTCUSDT/1h', 'BTCUSDT-1h-2025-01-01');
  assert.match(lines[0], /^open_time,open,high,low,close,volume,close_time,/);
  assert.equal(lines.length, 25);
  assert.equal(lines[1].split(',')[0], String(Date.UTC(2025, 0, 1)));
});

test('what is not there is 404, and dumps weigh nothing', async () => {
  const it = await sim(['--symbols', 'BTCUSDT', '--from', '2025-01-08']);
  const weight = async () => Number((await get(it, '/api/v3/ping')).headers.get('x-mbx-used-weight-1m'));
  const folder = '/data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2025-01-01';
  const before = await weight();
  assert.deepEqual(await statuses(it, [`${folder}.zip`, `${folder}.zip2`, `${folder}.csv`, folder.replaceAll('BTC', 'XYZ') + '.zip',
    folder.replace('daily', 'weekly') + '.zip', folder.replace('spot', 'futures/um') + '.zip', folder.replace('01-01', '01-32') + '.zip',
    folder.replace('BTCUSDT-1h', 'BTCUSDT-1m') + '.zip', '/data/spot/daily/klines/BTCUSDT/3d/BTCUSDT-3d-2025-01-01.zip', '/data/']),
  [200, 404, 404, 404, 404, 404, 404, 404, 404, 404]);
  assert.ok((await weight()) - before <= 2, 'but for the pings');
});
