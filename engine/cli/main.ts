#!/usr/bin/env node
/** The `zabra` command. */
import { readFileSync } from 'node:fs';
import { runEnsemble } from './ensemble.ts';
import { runServer } from './server.ts';

const usage = `usage:
  zabra server FILE       one server in the foreground, from a zoo.cfg; standalone without server.N lines
  zabra ensemble [--size 1|3|5] [--port N] [--data DIR]
                          a durable ensemble on 127.0.0.1, each server a process of its own
                            --size   servers (3)
                            --port   client port of the first one (2181); the others follow
                            --data   folder of the ensemble (./data); a later start finds everything again
  zabra --version | --help

An ensemble shows its servers as a table on a terminal, as one line per change elsewhere. A server that
ends is shown as down and started again; one that ends three times in a row within 2 s of its start ends
the ensemble with the reason. Each writes its log to DIR/server-N/server.log. Ctrl-C stops all of them.
`;

async function main(args: readonly string[]): Promise<void> {
  const [command, ...rest] = args;
  switch (command) {
    case 'server':
      if (rest.length !== 1) throw new Error('zabra server needs exactly one argument, the path of a zoo.cfg.');
      await runServer(rest[0]!);
      break;
    case 'ensemble':
      await runEnsemble(rest);
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
