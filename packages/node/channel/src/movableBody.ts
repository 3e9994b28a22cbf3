import { exactly } from "./exactly.ts";

/**
 * The body of a request, which knows who owns its memory. It may be read and copied until it is
 * moved, and is moved once at most: then its buffer belongs to whoever has taken it, such as a
 * thread. Whatever touches it afterwards is a bug, and is told so instead of seeing no bytes.
 */
export class MovableBody {
  /** Bytes of the body, also when it has moved. */
  readonly size: number;
  /** Whether other bodies lie in the same buffer. It cannot be moved then. */
  readonly shared: boolean;
  #bytes: Uint8Array | undefined;

  private constructor(bytes: Uint8Array, shared: boolean) {
    this.size = bytes.byteLength;
    this.shared = shared;
    this.#bytes = bytes;
  }

  /** Takes a body over. Nobody else uses its buffer, which may hold more than the body. */
  static own(bytes: Uint8Array): MovableBody {
    return new MovableBody(bytes, false);
  }

  /** Makes a body of a part of a buffer that others use, too. */
  static share(bytes: Uint8Array): MovableBody {
    return new MovableBody(bytes, true);
  }

  get moved(): boolean {
    return this.#bytes === undefined;
  }

  /** The body where it lies, for reading. */
  get bytes(): Uint8Array {
    if (this.#bytes === undefined) throw hasMoved(this.size);
    return this.#bytes;
  }

  /** Returns a copy in a buffer of exactly its size. */
  copy(): Uint8Array<ArrayBuffer> {
    return exactly(this.bytes);
  }

  /** Gives the body away, with the buffer that it lies in. */
  move(): Uint8Array {
    const { bytes } = this;
    if (this.shared) throw new Error("a body that shares its buffer with others cannot be moved");
    this.#bytes = undefined;
    return bytes;
  }
}

function hasMoved(size: number): Error {
  return new Error(`a body of ${size} bytes is used after it has moved`);
}
