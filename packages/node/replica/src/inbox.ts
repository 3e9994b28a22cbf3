import type { Receipt } from "./ports.ts";
import type { TurnEvent } from "./turnEvent.ts";

/** What has come in to a replica: events that wait for their turn, and the receipts of frames until what they brought is done with. */
export class Inbox {
  #events: TurnEvent[] = [];
  /** Of frames stepped since the last drain; done with when that drain's write is durable. */
  #receipts: Receipt[] = [];

  add(event: TurnEvent): void {
    this.#events.push(event);
  }

  /** The events of a turn. */
  take(): readonly TurnEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  /** A frame was stepped. Small control messages come without a receipt. */
  stepped(receipt: Receipt | undefined): void {
    if (receipt === undefined) return;
    receipt.stepped();
    this.#receipts.push(receipt);
  }

  /** To whoever writes what the frames have brought, and tells them when it is durable. */
  handOver(): readonly Receipt[] {
    return this.#receipts.splice(0);
  }

  /** Nothing is to be written of what the frames have brought: they are done with. */
  letGo(): void {
    for (const receipt of this.handOver()) receipt.durable();
  }

  /** The replica has ended or stands still: nobody steps what still waits, which is returned. */
  drop(): readonly TurnEvent[] {
    const events = this.take();
    for (const event of events) if (event.kind === "messages") this.stepped(event.receipt);
    this.letGo();
    return events;
  }
}
