import { holds, identityOf } from "./records.ts";

/** Serials [firstSerial, firstSerial + count) of a stream are at the seqs from firstSeq on, one after the other. */
interface Range {
  readonly firstSerial: number;
  readonly firstSeq: number;
  count: number;
}

interface Stream {
  readonly log: string;
  /** Bytes of each record. */
  readonly bytes: number;
  readonly ranges: Range[];
  /** Serials below it are acknowledged. */
  acknowledged: number;
}

/**
 * What was acknowledged: for every stream of every log, which serials are at which seqs. Answers that continue each other are one range, so
 * a single producer of a million records costs a few of them.
 */
export class AppendLedger {
  readonly #streams = new Map<string, Stream>();
  readonly #onAcknowledged: () => void;
  #records = 0;

  constructor(onAcknowledged: () => void = () => undefined) {
    this.#onAcknowledged = onAcknowledged;
  }

  begin(stream: string, log: string, bytes: number): void {
    this.#streams.set(stream, { log, bytes, ranges: [], acknowledged: 0 });
  }

  /** The next `count` serials of a stream are at `firstSeq` and after. Answers of a stream come in its order. */
  acknowledge(stream: string, count: number, firstSeq: number): void {
    const known = this.#stream(stream);
    const last = known.ranges.at(-1);
    if (last !== undefined && last.firstSeq + last.count === firstSeq) last.count += count;
    else known.ranges.push({ firstSerial: known.acknowledged, firstSeq, count });
    known.acknowledged += count;
    this.#records += count;
    this.#onAcknowledged();
  }

  /** Records of all logs. */
  get records(): number {
    return this.#records;
  }

  recordsOf(log: string): number {
    return [...this.#streams.values()]
      .filter((stream) => stream.log === log)
      .reduce((sum, { acknowledged }) => sum + acknowledged, 0);
  }

  #stream(name: string): Stream {
    const stream = this.#streams.get(name);
    if (stream === undefined) throw new RangeError(`no stream ${name}`);
    return stream;
  }

  /** Reads one node's copy of a log along what was acknowledged. */
  reader(log: string): LedgerReader {
    const streams = [...this.#streams].filter(([, stream]) => stream.log === log);
    return new LedgerReader(new Map(streams));
  }
}

export function notDense(seq: number, belongs: number): string {
  return `seq ${seq} where ${belongs} belongs: the log is not dense`;
}

/** One pass over a log: every record of ours once, in order, where the answer said, with its own bytes; and nobody else's. */
export class LedgerReader {
  readonly #streams: ReadonlyMap<string, Stream>;
  readonly #next = new Map<string, { serial: number; range: number }>();
  #seq = 0;

  constructor(streams: ReadonlyMap<string, Stream>) {
    this.#streams = streams;
    for (const name of streams.keys()) this.#next.set(name, { serial: 0, range: 0 });
  }

  get seq(): number {
    return this.#seq;
  }

  /** The next record as a node shows it; returns what is wrong with it. */
  line(line: string): string | undefined {
    this.#seq++;
    const seq = Number(/^\{"seq":(\d+)/.exec(line)?.[1]);
    if (seq !== this.#seq) return notDense(seq, this.#seq);
    const identity = identityOf(line);
    const stream = identity === undefined ? undefined : this.#streams.get(identity.stream);
    const next = identity === undefined ? undefined : this.#next.get(identity.stream);
    if (identity === undefined || stream === undefined || next === undefined)
      return `seq ${seq} holds a record that nobody here appended: ${line.slice(0, 200)}`;
    const name = `${identity.stream} ${identity.serial}`;
    if (identity.serial !== next.serial)
      return `seq ${seq} holds ${name} where ${next.serial} belongs: lost, doubled or out of order`;
    next.serial++;
    const range = stream.ranges[next.range];
    if (range === undefined) return `seq ${seq} holds ${name}, which was not acknowledged`;
    const promised = range.firstSeq + identity.serial - range.firstSerial;
    if (promised !== seq) return `seq ${seq} holds ${name}, which was acknowledged at ${promised}`;
    if (next.serial === range.firstSerial + range.count) next.range++;
    if (!holds(line, identity.stream, identity.serial, stream.bytes))
      return `seq ${seq} holds ${name} with other bytes than were appended`;
    return undefined;
  }

  /** What was acknowledged and has not come. */
  missing(): string | undefined {
    for (const [name, { acknowledged }] of this.#streams) {
      const { serial } = this.#next.get(name) ?? { serial: 0 };
      if (serial < acknowledged)
        return `${name} ends at ${serial} of ${acknowledged} acknowledged records`;
    }
    return undefined;
  }
}
