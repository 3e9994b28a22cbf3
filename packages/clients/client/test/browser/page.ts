import { AnnalsClient } from "../../src/annalsClient.ts";
import { ClientError } from "../../src/clientError.ts";
import { ExactNumber } from "../../src/index.ts";
import { recordText } from "../../src/recordText.ts";

const LOG = "audit";
/** A number that no double holds. */
const WIDE = "12345678901234567890.5";
const DIGEST_BYTES_HEX = 2;

async function sha256Of(blob: Blob): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await blob.arrayBuffer()));
  return Array.from(digest, (byte) => byte.toString(16).padStart(DIGEST_BYTES_HEX, "0")).join("");
}

/** Does in a page what the SDK is for, and says as JSON what came of it. */
export async function everything(origin: string): Promise<string> {
  const client = new AnnalsClient({ urls: [origin] });
  const of = (id: string): { actor: { id: string }; action: string } => ({
    actor: { id },
    action: "login",
  });
  const { firstSeq } = await client.append(LOG, of("ada"));
  const writer = client.writer(LOG, { lingerMs: 1 });
  const written = await Promise.all([writer.append(of("bob")), writer.append(of("eve"))]);
  const { acknowledged } = await writer.close();
  const data = { wide: new ExactNumber(WIDE) };
  await client.append(LOG, { ...of("zoë"), data });
  const { items } = await client.read(LOG, { from: firstSeq });
  const followed: string[] = [];
  for await (const { actor } of client.subscribe(LOG, { from: firstSeq, maxRecords: 2 })) {
    followed.push(actor.id);
    if (followed.length === items.length) break;
  }
  const blob = new Blob(["an attachment"]);
  const named = { sha256: await sha256Of(blob), bytes: blob.size };
  const uploaded = await client.uploadBlob(LOG, { ...named, read: () => blob });
  const text = await new Response(await client.downloadBlob(LOG, named.sha256)).text();
  const refused = await client.get(LOG, 99).catch((error: unknown) => error);
  client.close();
  const closed = await client.logs().catch((error: unknown) => error);
  const codes = [refused, closed].map((one) => (one instanceof ClientError ? one.code : one));
  const read = items.map(({ actor }) => actor.id);
  const wide = items.map((record) => recordText(record).includes(WIDE));
  return JSON.stringify({
    written: written.map(({ seq }) => seq),
    acknowledged,
    read,
    wide,
    followed,
    bytes: uploaded.bytes,
    text,
    codes,
  });
}
