import type { Random } from "@annals/kit";

/** Something that reads hostile bytes. */
export interface FuzzTarget {
  readonly about: string;
  /** Valid inputs of every shape, the same for the same chance. */
  samples(random: Random): readonly Uint8Array[];
  /**
   * Reads one input. Resolves to what became of it: `accepted`, or the code of a coded refusal. Rejects, or throws, if it is treated in any
   * other way: then the target has a bug.
   */
  read(bytes: Uint8Array): string | Promise<string>;
  /** Bytes of heap and buffers that an input of so many bytes may cost. */
  allowedBytes(inputBytes: number): number;
}

export class FuzzFailure extends Error {
  override readonly name: string = "FuzzFailure";
}
