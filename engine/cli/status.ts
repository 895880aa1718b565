/** The live status of an ensemble: a table refreshed in place on a terminal, a line per change elsewhere. */
import type { ServerStatus } from '../io/host.ts';

/** What `StatusLines` needs of a stream. */
export interface Output {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

interface Row {
  status: ServerStatus | null;
  /** What to say while there is no status. */
  absent: 'starting' | 'down';
  /** zxid and time of the last two reports, for commits/s. */
  zxid: number;
  at: number;
  rate: number;
  printed: string;
}

export class StatusLines {
  readonly #out: Output;
  readonly #rows: Row[];
  /** Lines of the table on the terminal at the moment. */
  #drawn = 0;

  constructor(out: Output, size: number) {
    this.#out = out;
    this.#rows = Array.from({ length: size }, () => ({
      status: null,
      absent: 'starting',
      zxid: 0,
      at: 0,
      rate: 0,
      printed: '',
    }));
  }

  get hasLeader(): boolean {
    return this.#rows.some(({ status }) => status?.role === 'leading' && status.serving);
  }

  /** Takes a report of server `id`; null: it is not running. */
  set(id: number, status: ServerStatus | null): void {
    const row = this.#rows[id - 1]!;
    const now = performance.now();
    if (
      status !== null &&
      row.status !== null &&
      Math.floor(status.zxid / 2 ** 32) === Math.floor(row.zxid / 2 ** 32)
    ) {
      row.rate = ((status.zxid - row.zxid) * 1000) / Math.max(1, now - row.at);
    } else {
      row.rate = 0;
    }
    row.zxid = status?.zxid ?? 0;
    row.at = now;
    row.status = status;
    row.absent = 'down';
  }

  /** Prints a line that stays. */
  note(text: string): void {
    this.#erase();
    this.#out.write(`${text}\n`);
    this.draw();
  }

  draw(): void {
    if (this.#out.isTTY === true) {
      this.#erase();
      const lines = [
        '  id  role       epoch  zxid               clients  commits/s',
        ...this.#rows.map((row, n) => `  ${renderRow(n + 1, row)}`),
      ];
      this.#out.write(`${lines.join('\n')}\n`);
      this.#drawn = lines.length;
      return;
    }
    for (const [n, row] of this.#rows.entries()) {
      const brief =
        row.status === null
          ? row.absent
          : `${row.status.role} ${row.status.serving} ${row.status.epoch} ${row.status.clients}`;
      if (brief === row.printed) continue;
      row.printed = brief;
      this.#out.write(`${describeRow(n + 1, row)}\n`);
    }
  }

  /** Leaves the cursor below the table. */
  finish(): void {
    this.#drawn = 0;
  }

  #erase(): void {
    if (this.#drawn > 0) this.#out.write(`\u001b[${this.#drawn}A\u001b[J`);
    this.#drawn = 0;
  }
}

function roleOf(status: ServerStatus): string {
  return status.role === 'looking' || status.serving ? status.role : `${status.role}…`;
}

function renderRow(id: number, { status, absent, rate }: Row): string {
  if (status === null) return `${String(id).padStart(2)}  ${absent}`;
  return [
    String(id).padStart(2),
    roleOf(status).padEnd(9),
    String(status.epoch).padStart(5),
    `0x${status.zxid.toString(16)}`.padEnd(17),
    String(status.clients).padStart(7),
    String(Math.round(rate)).padStart(9),
  ].join('  ');
}

function describeRow(id: number, { status, absent, rate }: Row): string {
  if (status === null) return `server ${id}: ${absent}`;
  return (
    `server ${id}: ${roleOf(status)}, epoch ${status.epoch}, zxid 0x${status.zxid.toString(16)}, ` +
    `${status.clients} clients, ${Math.round(rate)} commits/s`
  );
}
