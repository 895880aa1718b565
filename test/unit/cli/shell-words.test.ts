/** Lines, options and ACLs of the shell, and how it words errors. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aclLines, dateText, errorText, parseAcl } from '../../../engine/cli/shell/texts.ts';
import { parseWords, splitLine, UsageError } from '../../../engine/cli/shell/words.ts';
import { KeeperError, OperationTimeoutError } from '../../../engine/client/index.ts';

test('a line as words', () => {
  assert.deepEqual(splitLine('  create  /a "two words" \'it"s\' "" '), ['create', '/a', 'two words', 'it"s', '']);
  assert.deepEqual(splitLine('set /a "say \\"x\\""'), ['set', '/a', 'say "x"']);
  assert.deepEqual(splitLine('   '), []);
  // As zkCli has it: quotes count at the start of a word, a backslash is a character.
  assert.deepEqual(splitLine('create /cfg {"a":1}'), ['create', '/cfg', '{"a":1}']);
  assert.deepEqual(splitLine("set /p C:\\dir it's"), ['set', '/p', 'C:\\dir', "it's"]);
  assert.deepEqual(splitLine('set /p "C:\\dir \\\\ x"y'), ['set', '/p', 'C:\\dir \\ x', 'y']);
  assert.equal(splitLine('set /a "open'), null);
});

test('options stand anywhere, together or alone; data may begin with a dash', () => {
  const syntax = { flags: 'se', values: 't', args: [1, 2] } as const;
  for (const words of [
    ['-es', '-t', '-5', '/a'],
    ['/a', '-s', '-t', '-5', '-e'],
  ]) {
    const { flags, values, args } = parseWords(words, syntax);
    assert.deepEqual([[...flags].sort(), values.get('t'), args], [['e', 's'], '-5', ['/a']]);
  }
  assert.deepEqual(parseWords(['/a', '-1'], syntax).args, ['/a', '-1']);
  assert.deepEqual(parseWords(['/a', '-'], syntax).args, ['/a', '-']);
  for (const words of [[], ['/a', 'b', 'c'], ['-x', '/a'], ['/a', '-t']])
    assert.throws(() => parseWords(words, syntax), UsageError, words.join(' '));
});

test('ACLs there and back', () => {
  const text = 'world:anyone:cdrwa,digest:user:hash=:r,ip:10.0.0.0/8:cw';
  const acl = parseAcl(text)!;
  assert.deepEqual(
    acl.map(({ permissions }) => permissions),
    [31, 1, 6],
  );
  assert.deepEqual(aclLines(acl), [
    "'world,'anyone",
    ': cdrwa',
    "'digest,'user:hash=",
    ': r',
    "'ip,'10.0.0.0/8",
    ': cw',
  ]);
  for (const bad of ['', 'world:anyone', 'world:anyone:x', 'world:anyone:r,']) assert.equal(parseAcl(bad), null, bad);
});

test('dates and errors as zkCli words them', () => {
  assert.match(dateText(0), /^\w{3} \w{3} \d\d \d\d:\d\d:\d\d \S+ 19(70|69)$/);
  assert.equal(errorText(new KeeperError(-101, '/a')), 'Node does not exist: /a');
  assert.equal(errorText(new KeeperError(-103, '/a')), 'version No is not valid : /a');
  assert.equal(errorText(new KeeperError(-123, '/a')), 'KeeperErrorCode = ReconfigDisabled for /a');
  assert.equal(errorText(new KeeperError(-8, 'a')), 'Path must start with / character');
  assert.match(errorText(new OperationTimeoutError('/a', false)), /no connection in time/);
});
