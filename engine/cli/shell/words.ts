/** A line of the shell as words, and the words of a command as options and arguments. */

/** A word in quotes, or one without; what follows a closing quote is the next word, as in zkCli. */
const wordForm = /\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([^\s"']\S*))/y;

/**
 * Splits at blanks. Quotes around a word keep them; within a word they are characters, so JSON needs none around it.
 * Between double quotes, a backslash keeps a double quote or a backslash. Null when a quote is not closed.
 */
export function splitLine(line: string): string[] | null {
  const words: string[] = [];
  const end = line.trimEnd().length;
  wordForm.lastIndex = 0;
  while (wordForm.lastIndex < end) {
    const found = wordForm.exec(line);
    if (found === null) return null;
    const [, double, single, plain] = found;
    words.push(double?.replace(/\\(["\\])/g, '$1') ?? single ?? plain!);
  }
  return words;
}

export interface Given {
  /** Letters of the options without a value. */
  readonly flags: ReadonlySet<string>;
  readonly values: ReadonlyMap<string, string>;
  readonly args: readonly string[];
}

/** What a command takes. */
export interface Syntax {
  /** Letters of options without a value: `swR`. */
  readonly flags?: string;
  /** Letters of options with one: `v`. */
  readonly values?: string;
  /** How many arguments, at least and at most. */
  readonly args: readonly [number, number];
}

/** The words of a command did not make sense: its usage is shown. */
export class UsageError extends Error {}

/**
 * Options may stand anywhere, together (`-es`) or alone; a word with a dash that is no option is an
 * argument once the path is there, so that data may begin with a dash.
 */
export function parseWords(words: readonly string[], { flags = '', values = '', args }: Syntax): Given {
  const given = { flags: new Set<string>(), values: new Map<string, string>(), args: [] as string[] };
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    const letters = word.slice(1);
    if (!word.startsWith('-') || letters === '') {
      given.args.push(word);
    } else if ([...letters].every((letter) => flags.includes(letter))) {
      for (const letter of letters) given.flags.add(letter);
    } else if (letters.length === 1 && values.includes(letters)) {
      const value = words[++i];
      if (value === undefined) throw new UsageError(`Missing argument for option: ${letters}`);
      given.values.set(letters, value);
    } else if (given.args.length === 0) {
      throw new UsageError(`Unrecognized option: ${word}`);
    } else {
      given.args.push(word);
    }
  }
  if (given.args.length < args[0] || given.args.length > args[1]) throw new UsageError();
  return given;
}

/** A whole number that an option or argument must be. */
export function wholeNumber(text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || text.trim() === '') throw new UsageError(`${text} is no whole number`);
  return number;
}
