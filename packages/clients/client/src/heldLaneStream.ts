import { ClientError } from "./clientError.ts";
import { RecordStream } from "./recordStream.ts";
import type { Delivery, StreamHead } from "./recordStream.ts";
import type { ConsumedBatch } from "./types.ts";

interface Commit {
  readonly seq: number;
  readonly resolve: () => void;
  readonly reject: (error: ClientError) => void;
}

/** A lane of a group by one connection: waits for the lane, brings its batches, commits. What is committed is credit again. */
export class HeldLaneStream extends RecordStream {
  #granted = { lane: 0, lanes: 1, token: 0 };
  /** Delivered and not committed, in order. */
  #unacked: Delivery[] = [];
  /** Told to the node, which has not answered; in order. */
  #commits: Commit[] = [];
  #committed = 0;
  #progress: () => void = () => {};

  /** Rejects with what ended the stream; ERR_GROUP_FENCED when the lane is somebody else's. `progress` is called when the node serves. */
  async *batches(progress: () => void): AsyncGenerator<ConsumedBatch, void> {
    this.#progress = progress;
    for (;;) {
      const delivery = await this.next();
      progress();
      if (delivery.records.length === 0) continue;
      this.#unacked.push(delivery);
      const { records, to } = delivery;
      yield { ...this.#granted, records, to, commit: () => this.#commit(to) };
    }
  }

  protected override noticed(head: StreamHead): void {
    this.#progress();
    switch (head["kind"]) {
      case "granted":
        this.#granted = {
          lane: Number(head["lane"]),
          lanes: Number(head["lanes"]),
          token: Number(head["token"]),
        };
        return;
      case "committed":
        this.#committed = Number(head["seq"]);
        for (const { resolve } of this.#takeCommits((seq) => seq <= this.#committed)) resolve();
        return;
      default:
    }
  }

  protected override failed(error: ClientError): void {
    for (const { reject } of this.#takeCommits(() => true)) reject(error);
  }

  #takeCommits(which: (seq: number) => boolean): readonly Commit[] {
    const taken = this.#commits.filter(({ seq }) => which(seq));
    this.#commits = this.#commits.filter(({ seq }) => !which(seq));
    return taken;
  }

  #commit(seq: number): Promise<void> {
    if (seq <= this.#committed) return Promise.resolve();
    if (this.failure !== undefined) return Promise.reject(this.failure);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    // Whoever does not wait for it learns of the loss by getting the records again.
    promise.catch(() => {});
    this.#commits.push({ seq, resolve, reject });
    this.ack(seq);
    const done = this.#unacked.filter(({ to }) => to <= seq);
    this.#unacked = this.#unacked.filter(({ to }) => to > seq);
    for (const delivery of done) this.took(delivery);
    return promise;
  }
}
