import { createServer } from "node:net";
import type { AddressInfo } from "node:net";

/** Proxies dial from here: the nodes have the addresses below it. */
export const PROXY_HOST = "127.0.0.100";

/** Node k listens on 127.0.0.(k+1), so that packets tell who sends them. */
function hostOf(k: number): string {
  return `127.0.0.${k + 1}`;
}

/** A port that was free a moment ago. */
async function freePort(host: string): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Picks an address for each node. */
export async function drawAddresses(ids: readonly string[]): Promise<Map<string, string>> {
  const addresses = new Map<string, string>();
  for (const [k, id] of ids.entries())
    addresses.set(id, `${hostOf(k)}:${await freePort(hostOf(k))}`);
  return addresses;
}

/** The same on one address, for a system that has no other. */
export async function drawPorts(ids: readonly string[]): Promise<Map<string, string>> {
  const addresses = new Map<string, string>();
  for (const id of ids) {
    let address = `127.0.0.1:${await freePort("127.0.0.1")}`;
    while ([...addresses.values()].includes(address))
      address = `127.0.0.1:${await freePort("127.0.0.1")}`;
    addresses.set(id, address);
  }
  return addresses;
}
