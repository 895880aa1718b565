/**
 * One shell: a client, the commands on it, and those about the shell itself.
 *
 *   words ─► run ─► exit code        what it has to say goes to `print`, failures to `complain`
 */
import { Client, KeeperError, type SessionState, type WatchEvent } from '../../client/index.ts';
import { nodeCommands, Refusal, type Answer, type Command } from './commands.ts';
import { quotaCommands } from './quotas.ts';
import { errorText, eventName, eventText } from './texts.ts';
import { parseWords, splitLine, UsageError, wholeNumber } from './words.ts';

export interface ShellOptions {
  readonly servers: string;
  readonly sessionTimeoutMs: number;
  readonly canBeReadOnly: boolean;
  readonly json: boolean;
}

export interface ShellOutput {
  print(text: string): void;
  complain(text: string): void;
}

/** Exit codes, as zkCli and other shells have them. */
export const exitCode = { done: 0, failed: 1, unknownCommand: 127, interrupted: 130 } as const;

/** A server that is not there is waited for as long as a session would last, but not longer than this, ms. */
const patienceMsMax = 10_000;
const historyMax = 1000;

const commands: Readonly<Record<string, Command>> = { ...nodeCommands, ...quotaCommands };
/** Commands about the shell; the second word is their usage. */
const ownCommands: Readonly<Record<string, string>> = {
  close: '',
  connect: 'host:port',
  help: '',
  history: '',
  printwatches: 'on|off',
  quit: '',
  redo: 'cmdno',
};

export const commandNames: readonly string[] = [...Object.keys(commands), ...Object.keys(ownCommands)].sort();
const usageOf = (name: string): string => commands[name]?.usage ?? ownCommands[name] ?? '';

export class Shell {
  client: Client | null = null;
  /** `quit` was said. */
  isOver = false;
  readonly #options: ShellOptions;
  readonly #output: ShellOutput;
  #printsWatches = true;
  readonly #history: { readonly number: number; readonly line: string }[] = [];
  #number = 0;
  /** Hears of every state of the session; set by a shell on a terminal. */
  onState: ((state: SessionState) => void) | null = null;

  constructor(options: ShellOptions, output: ShellOutput) {
    this.#options = options;
    this.#output = output;
  }

  /** Number of the next command. */
  get number(): number {
    return this.#number;
  }

  async connect(servers = this.#options.servers): Promise<void> {
    await this.close();
    const { sessionTimeoutMs, canBeReadOnly } = this.#options;
    const patienceMs = Math.min(patienceMsMax, sessionTimeoutMs);
    const client = new Client(servers, { sessionTimeoutMs, canBeReadOnly, requestTimeoutMs: patienceMsMax });
    client.onState((state) => this.onState?.(state));
    this.client = client;
    try {
      await client.connected({ timeoutMs: patienceMs });
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    const { client } = this;
    this.client = null;
    await client?.close();
  }

  /** Runs one line as it was typed. */
  async runLine(line: string): Promise<number> {
    const words = splitLine(line);
    if (words === null) {
      this.complain('a quote is not closed', 'usage', null);
      return exitCode.failed;
    }
    if (words.length === 0) return exitCode.done;
    this.#history.push({ number: this.#number++, line });
    if (this.#history.length > historyMax) this.#history.shift();
    return this.run(words);
  }

  /** Runs one command; returns its exit code. */
  async run([name = '', ...words]: readonly string[]): Promise<number> {
    const command = Object.hasOwn(commands, name) ? commands[name]! : null;
    try {
      if (command !== null) return await this.#runCommand(command, words);
      if (Object.hasOwn(ownCommands, name)) return await this.#runOwn(name, words);
    } catch (error) {
      return this.#failed(name, error);
    }
    this.complain(`Command not found: ${name}; "help" lists what there is`, 'unknownCommand', null);
    return exitCode.unknownCommand;
  }

  async #runCommand(command: Command, words: readonly string[]): Promise<number> {
    const given = parseWords(words, command);
    if (this.client === null) throw new Refusal('Not connected');
    const { lines, json } = await command.run(this.client, given, this.#watch);
    this.#tell(lines, json);
    return exitCode.done;
  }

  #tell(lines: readonly string[], json: Answer['json']): void {
    if (this.#options.json) this.#output.print(JSON.stringify(json));
    else if (lines.length > 0) this.#output.print(lines.join('\n'));
  }

  async #runOwn(name: string, words: readonly string[]): Promise<number> {
    const least = ['connect', 'printwatches', 'redo'].includes(name) ? 1 : 0;
    const { args } = parseWords(words, { args: [least, least] });
    switch (name) {
      case 'connect':
        await this.connect(args[0]);
        break;
      case 'close':
        await this.close();
        break;
      case 'quit':
        this.isOver = true;
        break;
      case 'help':
        this.#tell(
          commandNames.map((each) => `\t${each} ${usageOf(each)}`.trimEnd()),
          {
            commands: Object.fromEntries(commandNames.map((each) => [each, usageOf(each)])),
          },
        );
        break;
      case 'history':
        this.#tell(
          this.#history.map(({ number, line }) => `${number} - ${line}`),
          { history: this.#history },
        );
        break;
      case 'printwatches':
        this.#printsWatches = args[0] !== 'off';
        break;
      default:
        return this.#redo(wholeNumber(args[0]!));
    }
    return exitCode.done;
  }

  #redo(number: number): Promise<number> {
    const found = this.#history.find((each) => each.number === number);
    const words = found === undefined ? [] : splitLine(found.line)!;
    // The line that asks for it is the newest one: it must not ask for itself, nor two of them for each other.
    if (words.length === 0 || words[0] === 'redo') throw new UsageError(`no command ${number} to run again`);
    return this.run(words);
  }

  readonly #watch = (event: WatchEvent): void => {
    if (!this.#printsWatches || event.type === 'sessionEnded') return;
    const { type, path } = event;
    this.#output.print(this.#options.json ? JSON.stringify({ event: eventName(type), path }) : eventText(event));
  };

  #failed(name: string, error: unknown): number {
    if (error instanceof UsageError) {
      const lines = [...(error.message === '' ? [] : [error.message]), `${name} ${usageOf(name)}`.trimEnd()];
      this.complain(lines.join('\n'), 'usage', null);
    } else if (error instanceof Refusal) {
      this.complain(error.message, 'refused', null);
    } else if (error instanceof KeeperError) {
      this.complain(errorText(error), error.code, error.path);
    } else if (error instanceof TypeError) {
      // An option of the client, as a connect string, that makes no sense.
      this.complain(error.message, 'usage', null);
    } else {
      throw error;
    }
    return exitCode.failed;
  }

  /** Tells what went wrong: `message`, for programs with a code and the path that it is about. */
  complain(message: string, code: string, path: string | null): void {
    this.#output.complain(this.#options.json ? JSON.stringify({ error: code, path, message }) : message);
  }
}
