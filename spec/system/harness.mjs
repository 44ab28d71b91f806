// What system specs share: starting the executables of one build and never leaving one behind.
//
//   const sim = await startSim(['--symbols', '3'])      ready when it listens; sim.port, sim.url, sim.listening
//   const process = start('trademind', ['config'], env)  any executable of the build
//
// Both have: process, stdout and stderr (text so far), lines (stdout as parsed JSON lines), until(condition, what),
// ended (promise of {code, signal}), stop(signal).
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
export const build = resolve(root, process.env.TRADEMIND_BUILD ?? 'build/release');
const data = resolve(root, process.env.TRADEMIND_DATA ?? '../shared/data');

export const DEADLINE_MS = 20000;

const running = new Set();
const folders = new Set();

process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A folder that is gone when the spec ends. */
export function tempDir() {
  const folder = mkdtempSync(join(tmpdir(), 'trademind-spec-'));
  folders.add(folder);
  return folder;
}

/** Path of recorded data, or null where it is absent (the spec then skips and says so). */
export function dataPath(name) {
  const path = join(data, name);
  return existsSync(path) ? path : null;
}

/** Rows of a recorded kline file as objects of strings, named by its header. */
export function readKlines(path) {
  const bytes = readFileSync(path);
  const [header, ...lines] = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString().trim().split('\n');
  const names = header.split(',');
  return lines.map(line => Object.fromEntries(line.split(',').map((value, i) => [names[i], value])));
}

/** Resolves with the first true value of `condition`, which is tried again whenever `changed` fires. */
export function until(condition, what, changed, deadlineMs = DEADLINE_MS) {
  return new Promise((done, failed) => {
    let timer;
    const stopListening = changed(tryAgain);
    function settle(how, value) {
      clearTimeout(timer);
      stopListening();
      how(value);
    }
    function tryAgain() {
      let value;
      try {
        value = condition();
      } catch (error) {
        return settle(failed, error);
      }
      if (value) settle(done, value);
    }
    timer = setTimeout(() => settle(failed, new Error(`waited ${deadlineMs} ms in vain for ${what}`)), deadlineMs);
    tryAgain();
  });
}

/** Start an executable of the build. */
export function start(executable, args = [], env = {}) {
  const child = spawn(join(build, executable), args, {
    cwd: root, env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'],
  });
  const listeners = new Set();
  const it = { process: child, stdout: '', stderr: '', lines: [], hasEnded: false };
  const changed = listener => { listeners.add(listener); return () => listeners.delete(listener); };
  const notify = () => { for (const listener of [...listeners]) listener(); };
  let rest = '';
  running.add(child);
  child.stdout.setEncoding('utf8').on('data', text => {
    it.stdout += text;
    const lines = (rest + text).split('\n');
    rest = lines.pop();
    for (const line of lines) {
      try { it.lines.push(JSON.parse(line)); } catch { /* a line for people */ }
    }
    notify();
  });
  child.stderr.setEncoding('utf8').on('data', text => { it.stderr += text; notify(); });
  child.stdin.on('error', () => {}); // it may have gone before it read
  it.ended = new Promise((done, failed) => {
    child.on('error', failed);
    child.on('close', (code, signal) => { running.delete(child); it.hasEnded = true; notify(); done({ code, signal }); });
  });
  it.ended.catch(() => {}); // whoever awaits it sees the error
  it.until = (condition, what, deadlineMs) => until(() => {
    const value = condition(it);
    if (!value && it.hasEnded) throw new Error(`${executable} ended before ${what}\n${it.stderr}`);
    return value;
  }, what, changed, deadlineMs);
  it.stop = async (signal = 'SIGTERM') => { if (!it.hasEnded) child.kill(signal); return it.ended; };
  return it;
}

/** Start exchange-sim and wait until it listens. */
export async function startSim(args = []) {
  const sim = start('exchange-sim', ['--log-format', 'json', ...args]);
  sim.listening = await sim.until(it => it.lines.find(line => line.event === 'listening'), 'exchange-sim to listen');
  sim.port = sim.listening.port;
  sim.url = `http://127.0.0.1:${sim.port}`;
  return sim;
}
