/** zoo.cfg and myid: options, or an error that names the place. */
import type { Prng } from '../../../engine/base/prng.ts';
import { applyMyid, ConfigError, locate, parseZooCfg } from '../../../engine/cli/zoo-cfg.ts';
import { completeOptions, OptionError } from '../../../engine/server/options.ts';
import { Draft } from '../draft.ts';
import { damaged } from '../mutate.ts';
import { must, type Target } from './target.ts';

const keys = [
  ['tickTime', 'initLimit', 'syncLimit', 'clientPort', 'dataDir', 'dataLogDir', 'maxClientCnxns', 'snapCount'],
  ['server.1', 'server.2', 'server.3', 'server.256', 'server.', 'server', 'autopurge.snapRetainCount', 'peerType'],
  ['4lw.commands.whitelist', 'zookeeper.jute.maxbuffer', 'jute.maxbuffer', 'dynamicConfigFile', 'electionAlg'],
  [
    'minSessionTimeout',
    'maxSessionTimeout',
    'zabra.batchBytesMax',
    'unknown',
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
  ],
  ['admin.serverPort', 'admin.enableServer', 'metricsProvider.className', 'metricsProvider.httpPort', 'enforceQuota'],
  ['readonlymode.enabled', 'request_throttle_stall_time', 'zabra.heartbeatMs', 'zabra.peerTimeoutMs', 'initLimit'],
  ['zookeeper.', 'zookeeper.__proto__', 'id', 'servers', 'logLevel', 'standaloneEnabled', 'superDigest', ''],
].flat();
const values = [
  [
    '2000',
    '10',
    '5',
    '1',
    '2147483647',
    '0',
    '-1',
    '0x10',
    '1e3',
    '99999999999999999999',
    '',
    ' ',
    'true',
    '/data',
    'x y',
    '*',
  ],
  ['h:2888:3888', 'h:2888:3888:observer', '[::1]:2888:3888;2181', 'h:1:2:participant;0.0.0.0:99999', 'h:0:0'],
  ['a,b,,ruok', '\\u0041\\', '\\uZZZZ', '\u00e9', 'participant', '3'],
].flat();

function line(prng: Prng): string {
  const kind = prng.below(12);
  if (kind === 0) return prng.pick(['#comment', '!x', '', '   ', '\\', '=', ':=:', '\\u00']);
  return `${prng.pick(keys)}${prng.pick(['=', ' = ', ':', ' ', ''])}${prng.pick(values)}${kind === 1 ? '\\' : ''}`;
}

export const config: Target = {
  name: 'config',
  about: 'zoo.cfg and myid',
  draw(prng) {
    const lines = ['dataDir=/data', ...Array.from({ length: prng.below(12) }, () => line(prng))];
    const text = lines.join(prng.pick(['\n', '\n', '\r\n', '\r']));
    return [
      damaged(prng, new Draft().raw(Buffer.from(text)), 0.3),
      Buffer.from(prng.pick(['1', ' 2\n', '', 'x', '999'])),
    ];
  },
  run([file, myid]) {
    let known: ReturnType<typeof parseZooCfg> | null = null;
    try {
      known = parseZooCfg(file!.toString('utf8'), 'zoo.cfg');
      const isAlone = (known.options.servers ?? []).length === 0;
      completeOptions(isAlone ? known.options : applyMyid(known, myid!.toString('utf8'), 'zoo.cfg', 'myid'));
      return 'accepted';
    } catch (error) {
      if (error instanceof OptionError) {
        must(known !== null, 'an option is judged before all of them are known');
        must(
          known.places.has(error.field) || error.field === 'servers',
          `a setting that nobody made: ${error.message}`,
        );
        must(locate(error, known, 'zoo.cfg').message !== '', 'an error says what is wrong');
        return 'refused';
      }
      must(error instanceof ConfigError, `${(error as Error).stack}`);
      return 'refused';
    }
  },
};
