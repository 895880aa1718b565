/** How values look on a terminal and in JSON, the same in all commands. */
import { Buffer } from 'node:buffer';
import { permission, type Acl } from '../wire/acl.ts';

/** Bytes of data that a line shows at most. */
const shownMax = 64;

/** ZooKeeper's letters: create, delete, read, write, admin. */
export function permissionsText(permissions: number): string {
  const { create, delete: remove, read, write, admin } = permission;
  const letters: readonly (readonly [number, string])[] = [
    [create, 'c'],
    [remove, 'd'],
    [read, 'r'],
    [write, 'w'],
    [admin, 'a'],
  ];
  return letters.map(([bit, letter]) => ((permissions & bit) === 0 ? '' : letter)).join('');
}

/** Without characters that a terminal would take for a command, or a reader for the end of the line. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

export function aclText(acl: readonly Acl[]): string {
  return acl
    .map(({ scheme, id, permissions }) => `${printable(scheme)}:${printable(id)}:${permissionsText(permissions)}`)
    .join(',');
}

/** The text of bytes that are UTF-8 through and through, else null. */
export function textOf(data: Buffer): string | null {
  const text = data.toString('utf8');
  return Buffer.from(text, 'utf8').equals(data) ? text : null;
}

/** One line, however long or binary the data is. */
export function dataText(data: Buffer | null): string {
  if (data === null) return 'null';
  // Not within a character: its further bytes begin with the bits 10.
  let end = Math.min(data.length, shownMax);
  while (end < data.length && end > shownMax - 4 && (data[end]! & 0xc0) === 0x80) end--;
  const shown = data.subarray(0, end);
  const rest = data.length > shownMax ? `… (${data.length} bytes)` : '';
  const text = textOf(shown);
  return `${text === null ? `0x${shown.toString('hex')}` : printable(JSON.stringify(text))}${rest}`;
}

/** Text as text, anything else in base64 under another name. */
export function dataJson(data: Buffer | null): { data: string | null } | { dataBase64: string } {
  const text = data === null ? null : textOf(data);
  return data !== null && text === null ? { dataBase64: data.toString('base64') } : { data: text };
}

export function idText(id: number): string {
  return `0x${id.toString(16)}`;
}

export function printLine(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Whoever reads our output may stop early (`| head`): that is no failure. */
export function endWithReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(0);
  });
}

/** Columns as wide as their widest cell; a row that breaks off runs on behind its last one. */
export function tableLines(rows: readonly (readonly string[])[]): string[] {
  const columns = Math.max(...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(
      ...rows.map((row) => (column < row.length - 1 || row.length === columns ? (row[column]?.length ?? 0) : 0)),
    ),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
}
