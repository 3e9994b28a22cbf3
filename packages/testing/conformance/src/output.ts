/** The levels of log lines in transcripts, least important first. `NONE` silences everything, the harness's own output included. */
export const LEVELS = ["DEBUG", "INFO", "WARN", "ERROR", "FATAL", "NONE"] as const;

export type Level = (typeof LEVELS)[number];

/** The one output of an environment: what commands print and what the nodes would have logged, in the order of happening. */
export class Output {
  #level: Level = "DEBUG";
  #text = "";

  get level(): Level {
    return this.#level;
  }

  set level(level: Level) {
    this.#level = level;
  }

  get quiet(): boolean {
    return this.#level === "NONE";
  }

  write(text: string): void {
    if (!this.quiet) this.#text += text;
  }

  line(text: string): void {
    this.write(`${text}\n`);
  }

  log(level: Level, text: string): void {
    if (LEVELS.indexOf(this.#level) <= LEVELS.indexOf(level)) this.line(`${level} ${text}`);
  }

  /** Runs `body` and indents what it printed by two blanks. */
  indented(body: () => void): void {
    const outer = this.#text;
    this.#text = "";
    try {
      body();
    } finally {
      const inner = this.#text;
      this.#text = outer;
      for (const line of linesOf(inner)) this.#text += `  ${line}\n`;
    }
  }

  /** What was printed since the last call. */
  take(): string {
    const text = this.#text;
    this.#text = "";
    return text;
  }
}

function linesOf(text: string): readonly string[] {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}
