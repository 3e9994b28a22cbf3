// Needs a cluster on 127.0.0.1:7400 (pnpm start):  pnpm exec node packages/clients/client/examples/attachment.js FILE
// Uploads the file, appends a record that names it, and saves the file again beside itself.
import { AnnalsClient } from "@annals/client";
import { fileBlob, saveBlob } from "@annals/client/node";

const client = new AnnalsClient({ urls: [process.env.ANNALS_URL ?? "http://127.0.0.1:7400"] });
const file = process.argv[2];
const attachment = await client.uploadBlob("audit", await fileBlob(file));
const record = { actor: { id: "ada" }, action: "file.signed", attachments: [attachment] };
const { firstSeq } = await client.append("audit", record);
const { bytes } = await saveBlob(client, "audit", attachment.sha256, `${file}.copy`);
console.log(`record ${firstSeq} has ${bytes} bytes, ${attachment.sha256}`);
client.close();
