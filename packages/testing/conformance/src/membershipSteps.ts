import { asMemberId, type MembershipChange, type MembershipOp } from "@annals/raft";

const OPS: Readonly<Record<string, MembershipOp>> = {
  v: "addVoter",
  l: "addLearner",
  r: "remove",
  u: "update",
};

/** Membership steps in the shorthand of transcripts, such as `v1 l2 r3 u4`; or what is wrong with them, in the transcripts' words. */
export function parseSteps(
  text: string,
): { readonly steps: MembershipChange["steps"] } | { readonly error: string } {
  const steps: { op: MembershipOp; member: ReturnType<typeof asMemberId> }[] = [];
  for (const token of text.split(/\s+/).filter((part) => part !== "")) {
    if (token.length < 2) return { error: `unknown token ${token}` };
    const op = OPS[token.slice(0, 1)];
    if (op === undefined) return { error: `unknown input: ${token}` };
    const id = token.slice(1);
    if (!/^\d+$/.test(id)) {
      return { error: `strconv.ParseUint: parsing "${id}": invalid syntax` };
    }
    steps.push({ op, member: asMemberId(Number(id)) });
  }
  return { steps };
}
