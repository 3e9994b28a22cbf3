/** A consumer of a group as a process of its own: says on stdout, a line each, what it is given and what it has committed. */
import { AnnalsClient } from "@annals/client";

/** What the consumer says; a test reads it. */
export interface ConsumerLine {
  readonly kind: "given" | "committed";
  readonly lane: number;
  readonly token: number;
  /** Those of a batch, or the last one that was committed. */
  readonly seqs: readonly number[];
}

const [log = "", group = "", ...urls] = process.argv.slice(2);

function say(line: ConsumerLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

if (urls.length > 0) {
  const client = new AnnalsClient({ urls });
  const options = { lanes: 2, maxUnacked: 40 };
  for await (const { lane, token, records, to, commit } of client.consume(log, group, options)) {
    say({ kind: "given", lane, token, seqs: records.map(({ seq }) => seq) });
    await commit().then(
      () => say({ kind: "committed", lane, token, seqs: [to] }),
      // Lost: what was not committed comes again, here or elsewhere.
      () => {},
    );
  }
}
