import type { Sink } from "./io.ts";

const CLEAR = "\r\u001b[K";

/** The last line of a terminal, which says how far something is. Whatever is printed takes it away first. */
export class StatusLine {
  readonly #sink: Sink;
  #drawn = false;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  /** Whether it is a terminal, in which a line can be drawn over. */
  get isLive(): boolean {
    return this.#sink.isTty;
  }

  /** Draws over what it says; on what is no terminal it is a line of its own. */
  draw(text: string): void {
    this.#drawn = this.isLive;
    void this.#sink.write(
      this.isLive ? `${CLEAR}${text.slice(0, this.#sink.columns - 1)}` : `${text}\n`,
    );
  }

  clear(): void {
    if (this.#drawn) void this.#sink.write(CLEAR);
    this.#drawn = false;
  }

  /** A stream of the same terminal, above this line. */
  above(sink: Sink): Sink {
    return {
      isTty: sink.isTty,
      get columns() {
        return sink.columns;
      },
      write: (text) => {
        this.clear();
        return sink.write(text);
      },
    };
  }
}
