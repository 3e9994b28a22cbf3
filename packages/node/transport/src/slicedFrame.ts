import type { Message } from "@annals/raft";
import type { PeerMessageReader } from "@annals/wire";
import { entriesOf } from "./messageSize.ts";

/** A frame of messages that is decoded a slice at a time. Its bytes are held until the last slice is done with. */
export class SlicedFrame {
  readonly #reader: PeerMessageReader;
  readonly #bytes: number;
  #slicesOut = 0;
  #ended = false;

  constructor(reader: PeerMessageReader, bytes: number) {
    this.#reader = reader;
    this.#bytes = bytes;
  }

  /** Nothing more comes out. */
  get done(): boolean {
    return this.#ended;
  }

  /** Decodes the next slice. Throws when it is broken; what came before was delivered. */
  next(): { readonly messages: readonly Message[]; readonly entries: number } {
    const messages = this.#reader.slice();
    this.#ended = this.#reader.done;
    this.#slicesOut++;
    return { messages, entries: messages.reduce((sum, one) => sum + entriesOf(one), 0) };
  }

  /** A slice is done with. Returns the bytes of the frame if it was the last one: they are let go of. */
  sliceDone(): number | undefined {
    this.#slicesOut--;
    return this.#held();
  }

  /** The rest is not decoded. Returns the bytes of the frame if nothing of it is out: they are let go of. */
  giveUp(): number | undefined {
    this.#ended = true;
    return this.#held();
  }

  #held(): number | undefined {
    return this.#ended && this.#slicesOut === 0 ? this.#bytes : undefined;
  }
}
