// Stands for `annals start` in tests of `annals dev`: a process that listens, says that it is ready, and ends as it is told.
import { appendFileSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, join } from "node:path";

const [, , , , file, , id] = process.argv;
const text = readFileSync(file, "utf8");
const port = Number(new RegExp(`^ {2}${id}: 127\\.0\\.0\\.1:(\\d+)$`, "m").exec(text)?.[1]);
appendFileSync(join(dirname(file), "starts"), `${id}\n`);

if (process.env.FAKE_FAIL === id) {
  console.error("fatal: the disk is on fire");
  process.exit(74);
}
const server = createServer((request, response) => {
  response.setHeader("content-type", "application/json");
  if (request.url === "/die") process.kill(process.pid, "SIGKILL");
  const items = [{ name: "audit", firstSeq: 1, lastSeq: 0, leader: "a", diskBytes: 0 }];
  response.end(
    JSON.stringify(
      request.url === "/readyz" ? { ready: true, reasons: [] } : { items, next: null },
    ),
  );
});
server.listen(port, "127.0.0.1", () => console.error(`ANNALS_DATA=${process.env.ANNALS_DATA}`));
const stop = () => process.exit(0);
process.on("SIGTERM", stop);
process.stdin.on("end", stop).resume();
