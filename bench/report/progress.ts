/** One line that says what is being done and how far it is: redrawn on a terminal, a line per step elsewhere. */
const width = 24;

export class Progress {
  readonly #out = process.stderr;
  readonly #total: number;
  readonly #startedAt = performance.now();
  #done = 0;
  #label = '';
  #detail = '';
  #timer: NodeJS.Timeout | null = null;

  /** @param total ms that everything is expected to take */
  constructor(total: number) {
    this.#total = total;
    if (this.#out.isTTY) this.#timer = setInterval(() => this.#draw(), 200);
  }

  /** A new step begins. */
  step(label: string): void {
    this.#label = label;
    this.#detail = '';
    if (!this.#out.isTTY) this.#out.write(`  ${label}\n`);
  }

  detail(text: string): void {
    this.#detail = text;
  }

  /** A line that stays. */
  note(text: string): void {
    this.#erase();
    this.#out.write(`${text}\n`);
  }

  end(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#erase();
  }

  #draw(): void {
    const elapsed = performance.now() - this.#startedAt;
    // The estimate is only that: the bar never runs backwards and never claims to be done.
    this.#done = Math.max(this.#done, Math.min(0.99, elapsed / this.#total));
    const full = Math.round(this.#done * width);
    const bar = `${'█'.repeat(full)}${'░'.repeat(width - full)}`;
    const left = Math.max(0, Math.ceil((this.#total - elapsed) / 1000));
    const detail = this.#detail === '' ? '' : `  ${this.#detail}`;
    const percent = String(Math.round(this.#done * 100)).padStart(2);
    const line = `${bar} ${percent} %  ${left} s left  ${this.#label}${detail}`;
    this.#erase();
    this.#out.write(line.slice(0, (this.#out.columns ?? 100) - 1));
  }

  #erase(): void {
    if (this.#out.isTTY) this.#out.write('\r\u001b[K');
  }
}
