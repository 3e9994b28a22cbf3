/** A node in a process of its own, which a test starts with few files; tells its URL, or the code and the limit that it was refused for. */
import { loadConfig } from "@annals/config";
import { AnnalsError } from "@annals/record";
import pino from "pino";
import { startNode } from "../../src/startNode.ts";

const loaded = loadConfig({ text: process.argv[2] ?? "", env: {} });
if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
try {
  const node = await startNode(loaded.config, { logger: pino({ level: "silent" }) });
  process.stdout.write(`${node.url}\n`);
} catch (error) {
  if (!(error instanceof AnnalsError)) throw error;
  process.stdout.write(`${error.code} ${String(error.details["limit"])}\n`);
}
