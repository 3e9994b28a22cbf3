const ID_BYTES = 16;

/** 32 random hexadecimal digits. A page that was not loaded over TLS has no `crypto.randomUUID`. */
export function randomId(): string {
  const random = crypto.getRandomValues(new Uint8Array(ID_BYTES));
  return Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
