#!/usr/bin/env node
// Makes web/dist, which the daemon carries, of web/src and web/client:
//
//   node web/build.mjs [--out FOLDER] [--watch]
//
// The same sources give the same bytes: versions are pinned by the lock file, names are hashes of contents. What is large and
// not needed for the first paint (chart, editor) is a file of its own that is loaded when it is wanted.
import { build, context } from 'esbuild';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const words = process.argv.slice(2);
const at = words.indexOf('--out');
const out = resolve(at < 0 ? join(here, 'dist') : words[at + 1]);

/** Only what has been built whole takes the place of what there was. */
function write(result) {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(join(out, 'assets'), { recursive: true });
  for (const file of result.outputFiles) writeFileSync(file.path, file.contents);
  cpSync(join(here, 'static/favicon.svg'), join(out, 'favicon.svg'));
  const name = suffix => Object.entries(result.metafile.outputs)
    .find(([path, output]) => output.entryPoint && path.endsWith(suffix))[0].split('/').at(-1);
  const html = readFileSync(join(here, 'static/index.html'), 'utf8');
  writeFileSync(join(out, 'index.html'), html.replace('STYLE', `assets/${name('.css')}`).replace('SCRIPT', `assets/${name('.js')}`));
}

const options = {
  absWorkingDir: here,
  entryPoints: [{ in: 'src/main.jsx', out: 'app' }, { in: 'src/styles/app.css', out: 'style' }],
  outdir: join(out, 'assets'),
  entryNames: '[name]-[hash]',
  chunkNames: '[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  minify: true,
  metafile: true,
  write: false,
  legalComments: 'none', // third_party/README.md and the page's own "about" name them
  target: ['chrome123', 'firefox121', 'safari17.5'],
  jsx: 'automatic',
  jsxImportSource: 'preact',
  charset: 'utf8',
  logLevel: 'warning',
  plugins: [{
    name: 'page',
    setup({ onEnd }) { onEnd(result => { if (!result.errors.length) write(result); }); },
  }],
};

if (words.includes('--watch')) await (await context(options)).watch();
else await build(options);
