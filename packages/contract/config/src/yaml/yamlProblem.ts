import type { YAMLError } from "yaml";

/** What is wrong with a file as YAML, in words of its own. */
export function yamlMessage({ code, message }: YAMLError): string {
  return MESSAGES[code] ?? `this is not YAML: ${message}`;
}

/** How to fix it, where there is more to say. */
export function yamlHint({ code }: YAMLError): string | undefined {
  return HINTS[code];
}

/** Words of the library that say nothing to somebody who has not read the YAML specification. */
const MESSAGES: Readonly<Partial<Record<string, string>>> = {
  MULTIPLE_DOCS: "a second document begins here: a file is read as one document",
  DUPLICATE_KEY: "this key is there twice in one mapping",
  BLOCK_AS_IMPLICIT_KEY: "a second key on one line",
  TAB_AS_INDENT: "a tab where YAML takes only spaces",
};

const HINTS: Readonly<Partial<Record<string, string>>> = {
  MULTIPLE_DOCS: "remove the line --- and what follows, or put it into a file of its own",
  DUPLICATE_KEY: "remove one of the two",
  BLOCK_AS_IMPLICIT_KEY:
    "each key goes on a line of its own; a text with a colon and a space goes in quotes",
};
