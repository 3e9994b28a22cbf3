import type { TextOutput } from "./io.ts";

const CLEAR = "\r\u001b[K";

/** The last line of a terminal, which says how far something is. Whatever is printed takes it away first. */
export class StatusLine {
  readonly #output: TextOutput;
  #drawn = false;

  constructor(output: TextOutput) {
    this.#output = output;
  }

  /** Whether it is a terminal, in which a line can be drawn over. */
  get isLive(): boolean {
    return this.#output.isTty;
  }

  /** Draws over what it says; on what is no terminal it is a line of its own. */
  draw(text: string): void {
    this.#drawn = this.isLive;
    void this.#output.write(
      this.isLive ? `${CLEAR}${text.slice(0, this.#output.columns - 1)}` : `${text}\n`,
    );
  }

  clear(): void {
    if (this.#drawn) void this.#output.write(CLEAR);
    this.#drawn = false;
  }

  /** A stream of the same terminal, above this line. */
  above(output: TextOutput): TextOutput {
    return {
      isTty: output.isTty,
      get columns() {
        return output.columns;
      },
      write: (text) => {
        this.clear();
        return output.write(text);
      },
    };
  }
}
