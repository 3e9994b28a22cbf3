import type { MemberId } from "@annals/raft";

/** Ids of the links that some members have dialled. */
export function linksFrom(
  links: ReadonlyMap<number, { readonly from: MemberId }>,
  isMeant: (member: MemberId) => boolean,
): readonly number[] {
  return [...links].flatMap(([linkId, { from }]) => (isMeant(from) ? [linkId] : []));
}
