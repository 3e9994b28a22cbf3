import { ClientError } from "@annals/client";
import type { Admin, AssignerProtocol, GroupDescription, PartitionAssigner } from "kafkajs";
import { difference, feedsText, parseFeeds, protocolName } from "./feeds.ts";
import type { Feeds } from "./feeds.ts";

interface Kafkajs {
  readonly AssignerProtocol: typeof AssignerProtocol;
  readonly PartitionAssigners: { readonly roundRobin: PartitionAssigner };
}

/** Deals partitions out in turn, under a protocol of what the group feeds. */
export function feedsAssigner(
  { AssignerProtocol: protocols, PartitionAssigners: { roundRobin } }: Kafkajs,
  feeds: Feeds,
): PartitionAssigner {
  const name = protocolName(feeds);
  const userData = Buffer.from(feedsText(feeds));
  return (config) => {
    const inner = roundRobin(config);
    return {
      name,
      version: inner.version,
      assign: (group) => inner.assign(group),
      protocol: ({ topics }) => ({
        name,
        metadata: protocols.MemberMetadata.encode({ version: inner.version, topics, userData }),
      }),
    };
  };
}

/**
 * Looks who is at work for the group. Rejects with ERR_SOURCE_GROUP if that is nobody who feeds the same; resolves with how many do.
 * Undefined: the brokers do not say, as while members join.
 */
export async function checkGroup(
  kafkajs: Kafkajs,
  admin: Admin,
  group: string,
  feeds: Feeds,
): Promise<number | undefined> {
  const described = await admin.describeGroups([group]).catch(() => undefined);
  const found = described?.groups[0];
  if (found === undefined) return undefined;
  if (found.members.length === 0) return 0;
  if (found.protocol === protocolName(feeds)) return found.members.length;
  if (found.protocol === "" && found.protocolType === CONSUMERS) return undefined;
  throw otherGroup(group, whatTheyDo(kafkajs, found, feeds));
}

/** The brokers have refused the member, or a member found that the others have another protocol. */
export async function refusedByGroup(
  kafkajs: Kafkajs,
  admin: Admin,
  group: string,
  feeds: Feeds,
): Promise<ClientError> {
  try {
    await checkGroup(kafkajs, admin, group, feeds);
  } catch (error) {
    if (error instanceof ClientError) return error;
  }
  return otherGroup(group, "its members feed something else, and the brokers do not say what");
}

const CONSUMERS = "consumer";

function otherGroup(group: string, what: string): ClientError {
  return new ClientError(
    "ERR_SOURCE_GROUP",
    `Kafka group ${group}: ${what}. Give this source a group of its own; ` +
      "the place of a source that was killed is free after its sessionTimeout",
  );
}

function whatTheyDo(kafkajs: Kafkajs, found: GroupDescription, feeds: Feeds): string {
  const [member] = found.members;
  const who = `${member?.clientId ?? ""} at ${(member?.clientHost ?? "").replace(/^\//, "")}`;
  const theirs = feedsOfMember(kafkajs, member?.memberMetadata);
  if (theirs !== undefined) return `its member ${who} ${difference(feeds, theirs)}`;
  const protocol = `${found.protocolType} ${found.protocol}`.trim();
  return `its member ${who} is no source of Annals (${protocol})`;
}

function feedsOfMember(kafkajs: Kafkajs, metadata: Buffer | undefined): Feeds | undefined {
  try {
    const decoded =
      metadata === undefined ? null : kafkajs.AssignerProtocol.MemberMetadata.decode(metadata);
    return decoded === null ? undefined : parseFeeds(decoded.userData.toString("utf8"));
  } catch {
    // The bytes are another program's.
    return undefined;
  }
}
