import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from "node:crypto";

export type ScramHash = "sha256" | "sha512";

const ITERATIONS = 4096;
const BYTES: Readonly<Record<ScramHash, number>> = { sha256: 32, sha512: 64 };

/** The server's side of one SCRAM exchange (RFC 5802), without channel binding. */
export class ScramServer {
  readonly #hash: ScramHash;
  readonly #user: string;
  readonly #password: string;
  #clientFirst = "";
  #serverFirst = "";
  #salt = "";

  constructor(hash: ScramHash, user: string, password: string) {
    this.#hash = hash;
    this.#user = user;
    this.#password = password;
  }

  /** What to answer to the client's next message, and whether it is who it says; undefined: it is not. */
  answer(message: string): { readonly reply: string; readonly isDone: boolean } | undefined {
    if (this.#serverFirst === "") {
      const [, bare = "", user, nonce = ""] = /^n,,(n=([^,]*),r=([^,]+))/.exec(message) ?? [];
      if (user !== this.#user) return undefined;
      this.#clientFirst = bare;
      this.#salt = randomBytes(16).toString("base64");
      const ours = randomBytes(12).toString("hex");
      this.#serverFirst = `r=${nonce}${ours},s=${this.#salt},i=${ITERATIONS}`;
      return { reply: this.#serverFirst, isDone: false };
    }
    const [, unproved = "", proof = ""] = /^(.*),p=([^,]+)$/.exec(message) ?? [];
    const nonce = /^r=([^,]+)/.exec(this.#serverFirst)?.[1] ?? "";
    if (!unproved.endsWith(`r=${nonce}`)) return undefined;
    return this.#verified(unproved, Buffer.from(proof, "base64"));
  }

  #verified(
    unproved: string,
    proof: Buffer,
  ): { readonly reply: string; readonly isDone: boolean } | undefined {
    const hash = this.#hash;
    const salt = Buffer.from(this.#salt, "base64");
    const salted = pbkdf2Sync(this.#password, salt, ITERATIONS, BYTES[hash], hash);
    const keyed = (key: Buffer, text: string): Buffer =>
      createHmac(hash, key).update(text).digest();
    const exchange = `${this.#clientFirst},${this.#serverFirst},${unproved}`;
    const clientKey = keyed(salted, "Client Key");
    const storedKey = createHash(hash).update(clientKey).digest();
    const mask = keyed(storedKey, exchange);
    const wanted = Buffer.from(clientKey.map((byte, at) => byte ^ (mask[at] ?? 0)));
    if (proof.length !== wanted.length || !timingSafeEqual(proof, wanted)) return undefined;
    const signature = keyed(keyed(salted, "Server Key"), exchange).toString("base64");
    return { reply: `v=${signature}`, isDone: true };
  }
}
