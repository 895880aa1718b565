#!/usr/bin/env node
/** The `zabra` command. */
import { readFileSync } from 'node:fs';

const usage = `usage:
  zabra server FILE       one server in the foreground, from a zoo.cfg; standalone without server.N lines
  zabra ensemble [--size 1|3|5] [--port N] [--data DIR]
                          a durable ensemble on 127.0.0.1, each server a process of its own
                            --size   servers (3)
                            --port   client port of the first one (2181); the others follow
                            --data   folder of the ensemble (./data); a later start finds everything again
  zabra shell [-server HOSTS] [--json] [COMMAND…]
                          talks to any ensemble; without a command, line by line ("help" lists them)
  zabra status HOSTS      a table of the servers host:port,host:port,…; fails unless all serve
  zabra verify DIR [LOGDIR]
                          checks a data folder (dataDir, and dataLogDir if there is one) without changing it
  zabra log dump FILE     the txns of a log segment
  zabra snapshot dump FILE
                          the sessions and znodes of a snapshot
                            --json   all of these: one JSON value per line
  zabra --version | --help

An ensemble shows its servers as a table on a terminal, as one line per change elsewhere. A server that
ends is shown as down and started again; one that ends three times in a row before it has started, or
within 2 s, ends the ensemble with the reason. Each writes its log to DIR/server-N/server.log. Ctrl-C stops all of them.
`;

/** Each command loads what it needs: a shell does not wait for a server's parts. */
async function main(args: readonly string[]): Promise<void> {
  const [command, ...rest] = args;
  switch (command) {
    case 'server':
      if (rest.length !== 1) throw new Error('zabra server needs exactly one argument, the path of a zoo.cfg.');
      await (await import('./server.ts')).runServer(rest[0]!);
      break;
    case 'ensemble':
      await (await import('./ensemble.ts')).runEnsemble(rest);
      break;
    case 'shell':
      process.exitCode = await (await import('./shell/main.ts')).runShell(rest);
      break;
    case 'status':
    case 'verify':
    case 'log':
    case 'snapshot':
      process.exitCode = await (await import('./tools.ts')).runTool(command, rest);
      break;
    case '--version': {
      const manifest = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
        version: string;
      };
      process.stdout.write(`zabra ${manifest.version}\n`);
      break;
    }
    case '--help':
    case undefined:
      process.stdout.write(usage);
      break;
    default:
      throw new Error(`there is no command "${command}".\n${usage}`);
  }
}

main(process.argv.slice(2)).catch((error: Error) => {
  process.stderr.write(`zabra: ${error.message}\n`);
  process.exit(1);
});
