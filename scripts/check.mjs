/**
 * What a reviewer should not have to look for: types, lint, layers, purity, tidiness.
 *
 *   node scripts/check.mjs [ROOT]        each violation is one line: file:line: what is wrong and what to do
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const own = fileURLToPath(new URL('..', import.meta.url));

/** Folders from bottom to top; an import may point to the same level or down. */
const levels = [
  ['engine/base'],
  [
    'engine/wire',
    'engine/txn',
    'engine/peer',
    'engine/consensus/core.ts',
    'engine/consensus/history.ts',
    'engine/consensus/zab/messages.ts',
  ],
  ['engine/consensus', 'engine/log', 'engine/snapshot/file.ts'],
  ['engine/session', 'engine/tree'],
  ['engine/snapshot'],
  ['engine/prep', 'engine/read'],
  ['engine/server'],
  ['engine/io', 'engine/admin', 'workers'],
  ['engine/client'],
  ['engine/recipes'],
  ['engine/embed', 'engine/index.ts'],
  ['engine/cli', 'bench', 'scripts'],
  ['test'],
];
const pureLevels = 7;
/** A program that only uses the client loads nothing of the server. */
const onlyFrom = {
  'engine/client/': ['engine/client/', 'engine/wire/', 'engine/base/'],
  'engine/recipes/': ['engine/recipes/', 'engine/client/index.ts'],
};
/** Packages and node modules, and the only folders that may import them. */
const homes = {
  'node:buffer': ['engine'],
  '@msgpack/msgpack': ['engine/peer'],
  piscina: ['engine/io'],
  pino: ['engine/io'],
};
const bannedInPure = [
  [/\bDate\b/, 'time comes in through server/ports.ts'],
  [/\bMath\.random\b/, 'randomness comes in through server/ports.ts'],
  [/\bPromise\b|\basync\b|\bawait\b/, 'the pure layers are synchronous: make it an input or a callback of a port'],
  [/\bsetTimeout\b|\bsetInterval\b|\bsetImmediate\b|\bqueueMicrotask\b/, 'deadlines are looked at in tick'],
  [/(?<![.#])\bprocess\.|\bglobalThis\b/, 'the pure layers know no process'],
  [/\bcatch\b/, 'errors of the pure layers are results or assertions'],
];
const bannedEverywhere = [
  [/catch \{\s*\}/, 'handle the error or let it pass'],
  [/:\s*any\b|<any>|\bas any\b/, 'name the type'],
  [/\b(TODO|FIXME|XXX)\b/, 'do it now or leave it out'],
  [/\t/, 'indent with spaces'],
  [/\s+$/, 'remove the blanks at the end'],
];
const bannedInEngine = [[/\bBigInt\b|\d+n\b/, 'a zxid is a double (base/zxid.ts)']];
const columnsMax = 120;
const linesMax = 450;
const functionLinesMax = 70;

/** @type {string[]} */
const violations = [];

/** @param {string} file @param {number} line @param {string} what */
function report(file, line, what) {
  violations.push(`${file}:${line}: ${what}`);
}

/** @param {string} root @param {string} folder @returns {string[]} */
function sourcesIn(root, folder) {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|mjs)$/.test(name) && !name.endsWith('.d.ts'))
    .map((name) => normalize(join(folder, name)));
}

/** The level of a file: the longest entry that is a prefix of its path. @param {string} file */
function levelOf(file) {
  let best = -1;
  let length = -1;
  for (const [level, entries] of levels.entries()) {
    for (const entry of entries) {
      if ((file === entry || file.startsWith(`${entry}/`)) && entry.length > length) {
        best = level;
        length = entry.length;
      }
    }
  }
  return best;
}

/** Blanks out comments and strings, keeping the lines. @param {string} text */
function codeOnly(text) {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ' '))
    .replace(/(^|[^:'"`\\])\/\/[^\n]*/g, (comment, before) => before + ' '.repeat(comment.length - before.length))
    .replace(/'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`/g, (string) => string.replace(/[^\n]/g, ' '));
}

/** @param {string} root @param {string} file */
function checkFile(root, file) {
  const text = readFileSync(join(root, file), 'utf8');
  const lines = text.split('\n');
  const code = codeOnly(text).split('\n');
  const level = levelOf(file);
  const isPure = level >= 0 && level < pureLevels;
  checkImports(file, lines, level, isPure);
  if (!/^(#!.*\n)?\/\*\*/.test(text)) report(file, 1, 'open with a comment: what this is and its one idea');
  if (lines.length > linesMax)
    report(file, linesMax, `${lines.length} lines: one concept per file, ${linesMax} at most`);
  for (const [index, line] of lines.entries()) {
    if (line.length > columnsMax) report(file, index + 1, `${line.length} columns: ${columnsMax} at most`);
    const banned = file.startsWith('test/') ? bannedEverywhere : [...bannedEverywhere, ...bannedInEngine];
    for (const [pattern, advice] of banned) {
      const where =
        pattern.source.includes('TODO') || pattern.source === '\\s+$' || pattern.source === '\\t' ? line : code[index];
      if (pattern.test(where ?? '') && !file.startsWith('scripts/check'))
        report(file, index + 1, `${pattern}: ${advice}`);
    }
    if (isPure && file !== 'engine/peer/frames.ts') {
      for (const [pattern, advice] of bannedInPure)
        if (pattern.test(code[index] ?? '')) report(file, index + 1, `${pattern}: ${advice}`);
    }
  }
  checkFunctions(file, lines);
}

/** @param {string} file @param {string[]} lines @param {number} level @param {boolean} isPure */
function checkImports(file, lines, level, isPure) {
  for (const [index, line] of lines.entries()) {
    const target = /(?:^|\s)from '([^']+)'/.exec(line)?.[1] ?? /^import '([^']+)'/.exec(line)?.[1];
    if (target === undefined) continue;
    if (target.startsWith('.')) {
      const to = relative('.', join(dirname(file), target));
      const toLevel = levelOf(to);
      if (toLevel > level) report(file, index + 1, `imports ${to}, which lies above it: imports point down`);
      for (const [folder, from] of Object.entries(onlyFrom)) {
        if (file.startsWith(folder) && !from.some((each) => to.startsWith(each)))
          report(file, index + 1, `imports ${to}: this part has only ${from.join(', ')}`);
      }
      continue;
    }
    const allowed = homes[/** @type {keyof typeof homes} */ (target)];
    const isHome = allowed?.some((home) => file.startsWith(`${home}/`)) ?? false;
    if (isPure && !isHome)
      report(file, index + 1, `imports ${target}: the pure layers know of Node's modules only node:buffer`);
    else if (allowed !== undefined && !isHome && file.startsWith('engine/'))
      report(file, index + 1, `imports ${target}: its home is ${allowed.join(', ')}`);
  }
}

/** Length of functions and methods, by their indentation. @param {string} file @param {string[]} lines */
function checkFunctions(file, lines) {
  for (let i = 0; i < lines.length; i++) {
    const start =
      /^(\s*)(?:export )?(?:static |get |set |async |function\*? |private )*[#\w*]+\s*(?:<[^>]*>)?\(.*\{$/.exec(
        lines[i] ?? '',
      );
    if (start === null || /^\s*(if|for|while|switch|return)\b/.test(lines[i] ?? '')) continue;
    const end = lines.findIndex((line, at) => at > i && line.startsWith(`${start[1]}}`));
    if (end - i > functionLinesMax && !file.startsWith('test/'))
      report(file, i + 1, `a function of ${end - i} lines: ${functionLinesMax} at most`);
  }
}

/** @param {string} name @param {string[]} args */
function runTool(name, args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: own, encoding: 'utf8' });
  if (status !== 0) violations.push(`${name}:\n${stdout}${stderr}`);
}

const root = process.argv[2] ?? own;
for (const folder of ['engine', 'workers', 'bench', 'scripts', 'test']) {
  for (const file of sourcesIn(root, folder)) checkFile(root, file);
}
if (root === own) {
  const tsc = join('node_modules', 'typescript', 'bin', 'tsc');
  runTool('types', [tsc, '-p', '.', '--noEmit', '--incremental', 'false']);
  runTool('pure types', [tsc, '-p', 'engine/pure']);
  runTool('format', [
    join('node_modules', 'prettier', 'bin', 'prettier.cjs'),
    '--config',
    'scripts/prettier.json',
    '--check',
    '{engine,workers,bench,test}/**/*.ts',
    'scripts/*.mjs',
  ]);
  runTool('lint', [
    join('node_modules', 'oxlint', 'bin', 'oxlint'),
    '-c',
    'scripts/oxlint.json',
    '--deny-warnings',
    'engine',
    'workers',
    'bench',
    'scripts',
    'test',
  ]);
}
for (const violation of violations) process.stdout.write(`${violation}\n`);
if (violations.length > 0) {
  process.stdout.write(`check: ${violations.length} violations\n`);
  process.exit(1);
}
process.stdout.write('check: types, lint, layers, purity, tidiness: clean\n');
