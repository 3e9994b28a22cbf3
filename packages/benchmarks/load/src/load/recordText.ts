/** Records that are shorter than this say less. */
const SHORT_BYTES = 200;

/** An audit record as programs write them, about `bytes` long if it can be, that tells its number. */
export function recordText(serial: number, bytes: number): string {
  const head =
    bytes < SHORT_BYTES
      ? `{"actor":{"id":"u${serial % 1000}"},"action":"read","data":{"n":${serial},"note":"`
      : `{"actor":{"id":"user-${serial % 1000}","type":"user"},"action":"document.updated",` +
        `"targets":[{"id":"doc-${serial % 7919}"}],"outcome":"success","data":{"n":${serial},"note":"`;
  // Words, so that a compressor finds what it finds in records.
  const words = `changed paragraph ${serial % 97} of section ${serial % 13} after review `;
  const length = Math.max(0, bytes - head.length - `"}}`.length);
  return `${head}${words.repeat(Math.ceil(length / words.length)).slice(0, length)}"}}`;
}

const FIRST_MS = Date.UTC(2026, 0, 1);
const ACTIONS = ["login", "document.viewed", "document.updated", "role.changed", "export.created"];
const TENANTS = ["globex", "initech", "umbrella"];

/**
 * An audit record of a service of the usual kind, as JSON of some 400 bytes: what repeats in these repeats, and identifiers, addresses and
 * times do not. For what depends on how records compress.
 */
export function auditText(serial: number): string {
  const random = (n: number): number => mixed(serial * 8 + n);
  const user = random(0) % 500;
  const action = ACTIONS[random(1) % ACTIONS.length] ?? "";
  const address = `198.51.${random(2) % 256}.${random(3) % 256}`;
  return JSON.stringify({
    time: new Date(FIRST_MS + serial * 137 + (random(4) % 100)).toISOString(),
    tenant: TENANTS[user % TENANTS.length],
    actor: { type: "user", id: `user-${user}@example.org` },
    action,
    targets: [{ type: action.split(".")[0], id: hexOf(random(5) % 20_000, random(6) % 7) }],
    outcome: random(7) % 20 === 0 ? "denied" : "success",
    context: {
      ip: address,
      requestId: hexOf(random(2), random(3)),
      userAgent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",
      session: hexOf(user, Math.floor(serial / 5_000)),
    },
  });
}

function hexOf(a: number, b: number): string {
  return [mixed(a), mixed(b + 1), mixed(a ^ b)]
    .map((part) => part.toString(16).padStart(8, "0"))
    .join("");
}

/** 32 bits that look like chance (the finalizer of MurmurHash3). */
function mixed(value: number): number {
  let bits = value | 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
