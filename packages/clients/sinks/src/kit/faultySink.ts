import type { StoredRecord } from "@annals/client";
import type { Chunk, FailureClass, Sink, SinkCounts, SinkCursor } from "../sink.ts";

/** A fault that the kit has made, with what it means. */
export class InjectedFault extends Error {
  readonly kind: FailureClass;

  constructor(kind: FailureClass, message: string = `injected: ${kind}`) {
    super(message);
    this.kind = kind;
  }
}

type SinkCall = "open" | "apply" | "cursor" | "probe";

/** What goes wrong around a call: thrown before it has an effect, or after. */
export interface SinkFaults {
  before?(call: SinkCall): void;
  after?(call: SinkCall): void;
  /** Sees every chunk that is tried. */
  chunk?(chunk: Chunk<unknown>): void;
}

/** A sink whose calls fail as it is told: its connection is lost before or after they take effect. */
export class FaultySink<Mutation> implements Sink<Mutation> {
  readonly #sink: Sink<Mutation>;
  readonly #faults: SinkFaults;
  readonly held?: NonNullable<Sink<Mutation>["held"]>;

  constructor(sink: Sink<Mutation>, faults: SinkFaults) {
    this.#sink = sink;
    this.#faults = faults;
    const held = sink.held?.bind(sink);
    if (held !== undefined) this.held = held;
  }

  get settings(): string {
    return this.#sink.settings;
  }

  get target(): string {
    return this.#sink.target;
  }

  get probing(): Sink<Mutation>["probing"] {
    return this.#sink.probing;
  }

  plan(record: StoredRecord): readonly Mutation[] {
    return this.#sink.plan(record);
  }

  weigh(mutation: Mutation): number {
    return this.#sink.weigh(mutation);
  }

  open(signal: AbortSignal): Promise<SinkCursor | undefined> {
    return this.#around("open", () => this.#sink.open(signal));
  }

  apply(chunk: Chunk<Mutation>, signal: AbortSignal): Promise<void> {
    this.#faults.chunk?.(chunk);
    return this.#around("apply", () => this.#sink.apply(chunk, signal));
  }

  cursor(signal: AbortSignal): Promise<SinkCursor | undefined> {
    return this.#around("cursor", () => this.#sink.cursor(signal));
  }

  probe(mutations: readonly Mutation[], signal: AbortSignal): Promise<void> {
    return this.#around("probe", () => this.#sink.probe(mutations, signal));
  }

  classify(error: unknown): FailureClass {
    return error instanceof InjectedFault ? error.kind : this.#sink.classify(error);
  }

  counts(): SinkCounts | undefined {
    return this.#sink.counts?.();
  }

  retryAfterMs(error: unknown): number | undefined {
    return this.#sink.retryAfterMs?.(error);
  }

  close(): Promise<void> {
    return this.#sink.close();
  }

  async #around<T>(name: SinkCall, call: () => Promise<T>): Promise<T> {
    this.#faults.before?.(name);
    const result = await call();
    this.#faults.after?.(name);
    return result;
  }
}
