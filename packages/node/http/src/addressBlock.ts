import { isIPv4, isIPv6 } from "node:net";

/** Groups of 16 bits that are one customer's: a /64. */
const BLOCK_GROUPS = 4;
const GROUPS = 8;

/** Whose connections are counted together: an IPv4 address, or the /64 of an IPv6 one, of which one machine may have all. */
export function addressBlock(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (isIPv4(address) || !isIPv6(address)) return address;
  const [bare = ""] = address.split("%", 1);
  const [head = "", tail] = bare.split("::");
  const before = groupsOf(head);
  const after = tail === undefined ? [] : groupsOf(tail);
  const zeros = Array.from({ length: Math.max(0, GROUPS - before.length - after.length) }, () => 0);
  const block = [...before, ...zeros, ...after].slice(0, BLOCK_GROUPS);
  return `${block.map((group) => group.toString(16)).join(":")}::/64`;
}

/** An IPv4 address at the end stands for two groups. */
function groupsOf(text: string): readonly number[] {
  if (text === "") return [];
  return text
    .split(":")
    .flatMap((group) => (group.includes(".") ? [0, 0] : [Number.parseInt(group, 16)]));
}
