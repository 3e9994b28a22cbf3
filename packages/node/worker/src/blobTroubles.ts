/** What is told about attachments that cannot be handed over. */
export interface TroubleLine {
  readonly text: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Peers and directions are few, codes are ours: so many troubles are never open at once. */
const OPEN_MAX = 64;

/**
 * The troubles of one log with attachments between nodes. Each is told once when it begins and once when it is over, however often it is
 * tried in between; every failure is counted.
 */
export class BlobTroubles {
  readonly #tell: (line: TroubleLine) => void;
  /** By peer and direction: the code of the trouble, and how often it was met. */
  readonly #open = new Map<string, { readonly code: string; times: number }>();
  #count = 0;

  constructor(tell: (line: TroubleLine) => void) {
    this.#tell = tell;
  }

  /** Failures since the log was opened. */
  get count(): number {
    return this.#count;
  }

  /** An attachment could not be handed over. `with` names the peer and the direction. */
  met(withPeer: string, code: string, reason: string): void {
    this.#count += 1;
    const known = this.#open.get(withPeer);
    if (known?.code === code) {
      known.times += 1;
      return;
    }
    if (known === undefined && this.#open.size >= OPEN_MAX) return;
    this.#open.set(withPeer, { code, times: 1 });
    const text = "an attachment could not be handed over, and is tried again";
    this.#tell({ text, fields: { with: withPeer, code, reason } });
  }

  /** An attachment was handed over. */
  over(withPeer: string): void {
    const known = this.#open.get(withPeer);
    if (known === undefined) return;
    this.#open.delete(withPeer);
    const { code, times } = known;
    this.#tell({
      text: "attachments are handed over again",
      fields: { with: withPeer, code, failures: times },
    });
  }
}
