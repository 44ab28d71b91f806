// What Dockerfile and fly.toml promise, as far as it can be seen without making the image; `./dev image` makes it and tries it.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build, root, tempDir } from './harness.mjs';

const read = path => readFileSync(join(root, path), 'utf8');
const dockerfile = read('Dockerfile').replace(/\\\n\s*/g, ' ');
const fly = read('fly.toml');

/** stage -> its instructions: [[name, words], ...]. */
function stages() {
  const found = new Map();
  let stage = null;
  for (const [, name, words] of dockerfile.matchAll(/^([A-Z]+) (.*)$/gm)) {
    if (name === 'FROM') found.set(stage = /AS (\S+)/.exec(words)[1], [['FROM', words]]);
    else if (stage) found.get(stage).push([name, words]);
  }
  return found;
}

/** The packages that a stage installs, sorted. */
function packages(stage) {
  const [, words] = stages().get(stage).find(([name, text]) => name === 'RUN' && text.includes('apt-get install'));
  return /--no-install-recommends (.*?)(;|$)/.exec(words)[1].trim().split(/\s+/).sort();
}

const context = read('.dockerignore').split('\n').filter(line => line.startsWith('!')).map(line => line.slice(1));
const isInContext = path => context.some(name => path === name || path.startsWith(`${name}/`));

test('what the build gets is all that it needs', { timeout: 100000 }, () => {
  const folder = tempDir();
  for (const name of context.filter(name => existsSync(join(root, name)))) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    cpSync(join(root, name), join(folder, name), { recursive: true, filter: path => !path.includes('node_modules') });
  }
  execFileSync('cmake', ['--log-level=ERROR', '--preset', 'release'], { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
  const missing = execFileSync('ninja', ['-C', join(folder, 'build/release'), '-n', '-d', 'explain'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  assert.doesNotMatch(missing, /missing and no known rule/);
});

test('what the Dockerfile copies is there and not left out', () => {
  for (const [stage, instructions] of stages()) {
    for (const [name, words] of instructions.filter(([name, text]) => name === 'COPY' && !text.startsWith('--from') && !text.startsWith('.'))) {
      const source = words.split(' ')[0];
      assert.ok(existsSync(join(root, source)) && isInContext(source), `${stage}: ${name} ${words}`);
    }
  }
  const scripts = [...dockerfile.matchAll(/\b(image\/\w+\.lua)\b/g)].map(found => found[1]);
  assert.ok(scripts.length > 0 && scripts.every(path => existsSync(join(root, path)) && isInContext(path)));
});

test('it is built with what ./dev installs', () => {
  const [, list] = /^PACKAGES_RUN="([^"]*)"/m.exec(read('dev'));
  assert.deepEqual(packages('build'), list.trim().split(/\s+/).sort());
});

test('every library that the program names is installed where it runs', () => {
  const program = join(build, 'trademind'), installed = [...packages('base'), 'libc6', 'libgcc-s1'];
  const needed = [...execFileSync('readelf', ['-d', program], { encoding: 'utf8' }).matchAll(/\(NEEDED\).*\[(.*)\]/g)].map(found => found[1])
    .filter(name => !name.startsWith('ld-linux')); // the loader is libc6's
  const places = execFileSync('ldd', [program], { encoding: 'utf8' });
  assert.ok(needed.length >= 9, `${needed}`);
  for (const name of needed) {
    const place = new RegExp(`${name.replace(/[.+]/g, '\\$&')} => (\\S+)`).exec(places)?.[1];
    const owners = execFileSync('dpkg', ['-S', `*/${realpathSync(place).split('/').pop()}`], { encoding: 'utf8' });
    assert.ok(owners.split('\n').some(line => installed.includes(line.split(':')[0])), `${name}: ${owners}`);
  }
});

test('the image keeps no rights, and the one of Fly gives them away', () => {
  const all = stages(), names = [...all.keys()], value = (stage, name) => all.get(stage).filter(([n]) => n === name).map(([, words]) => words);
  assert.equal(names.at(-1), 'trademind', 'the last stage is what a build without --target makes');
  assert.deepEqual(value('trademind', 'USER'), ['trademind']);
  assert.deepEqual(value('trademind', 'VOLUME'), ['/data']);
  assert.deepEqual(value('fly', 'ENTRYPOINT'), ['["as-trademind"]']);
  assert.match(read('image/as-trademind'), /setpriv --reuid=trademind .*--bounding-set=-all --no-new-privs/);
  assert.match(value('whole', 'ENV')[0], /\bDATA_DIR=\/data\b.*\bHOST=::/);
  assert.match(value('whole', 'HEALTHCHECK')[0], /CMD \["trademind", "status"\]/);
  assert.match(dockerfile, /^ARG BASE=debian:12-slim$/m);
  assert.match(value('debian', 'FROM')[0], /^\$\{BASE\}/);
  for (const stage of ['base', 'build']) assert.match(value(stage, 'FROM')[0], /^debian /);
});

test('fly.toml and the image speak of the same things', () => {
  const value = name => new RegExp(`^\\s*${name} = "?([^"\\n#]*?)"?\\s*(#.*)?$`, 'm').exec(fly)?.[1];
  assert.ok(stages().has(value('build-target')));
  assert.match(dockerfile, new RegExp(`^EXPOSE .*\\b${value('internal_port')}\\b`, 'm'));
  assert.equal(value('destination'), '/data');
  assert.equal(value('kill_signal'), /^STOPSIGNAL (\S+)$/m.exec(dockerfile)[1]);
  assert.ok(parseInt(value('kill_timeout')) > 5, 'a stop takes up to 5 s');
  assert.equal(value('path'), '/health');
  assert.equal(value('auto_stop_machines'), 'off');
  assert.equal(value('min_machines_running'), '1');
  assert.equal(value('policy'), 'always');
  assert.deepEqual([value('cpu_kind'), value('cpus'), value('memory')], ['shared', '1', '256mb']);
  const metrics = /^\[metrics\]\n\s*port = (\d+)\n\s*path = "(.*)"$/m.exec(fly);
  assert.deepEqual([metrics?.[1], metrics?.[2]], ['9091', '/metrics']);
  assert.match(dockerfile, /^EXPOSE .*\b9091\b/m);
  assert.equal(fly.match(/^\[\[mounts\]\]/gm).length, 1);
});
