import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { AnnalsError } from "@annals/record";
import { isThere, replaceFile } from "@annals/storage";

const FILE = "embedded.json";
/** What marks the data directory of a node of a cluster. */
const FILE_OF_NODE = "node.json";

/** What a directory says of the log in it. */
export interface Identity {
  readonly name: string;
  /** The log was opened once, so its files must be there. */
  readonly born: boolean;
}

/** Undefined for a directory without a log. Throws ERR_DATA_OF_NODE for that of a node, ERR_IDENTITY_DAMAGED for what does not parse. */
export async function readIdentity(directory: string): Promise<Identity | undefined> {
  if (await isThere(join(directory, FILE_OF_NODE))) {
    throw new AnnalsError(
      "ERR_DATA_OF_NODE",
      `${directory} is the data of a node of a cluster: an embedded log needs a directory of its own`,
    );
  }
  const path = join(directory, FILE);
  if (!(await isThere(path))) return undefined;
  const text = await readFile(path, "utf8");
  try {
    const { format, name, born } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    if (format === 1 && typeof name === "string" && typeof born === "boolean")
      return { name, born };
  } catch (cause) {
    throw damaged(path, cause);
  }
  throw damaged(path);
}

export async function writeIdentity(directory: string, identity: Identity): Promise<void> {
  await replaceFile(join(directory, FILE), JSON.stringify({ format: 1, ...identity }));
}

function damaged(path: string, cause?: unknown): AnnalsError {
  return new AnnalsError(
    "ERR_IDENTITY_DAMAGED",
    `${path} does not parse: restore it from a backup; \`annals fsck\` says whether the log beside it is whole`,
    { cause },
  );
}
