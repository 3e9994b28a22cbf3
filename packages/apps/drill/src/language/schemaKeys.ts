/** The parts of a JSON schema that say which keys there may be. */
interface Schema {
  readonly $ref?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly $defs?: Readonly<Record<string, Schema>>;
}

/** The keys that a JSON schema allows at a path of its instance. */
export function keysAt(root: Schema, path: readonly PropertyKey[]): readonly string[] {
  let at = expand(root, root);
  for (const part of path) {
    at = at.flatMap((schema) => {
      const next = typeof part === "number" ? schema.items : schema.properties?.[String(part)];
      return next === undefined ? [] : expand(next, root);
    });
  }
  return [...new Set(at.flatMap((schema) => Object.keys(schema.properties ?? {})))];
}

/** A schema behind its reference, and each of its alternatives. */
function expand(schema: Schema, root: Schema): readonly Schema[] {
  if (schema.$ref === "#") return [root];
  const name = schema.$ref?.replace("#/$defs/", "");
  const target = name === undefined ? undefined : root.$defs?.[name];
  if (target !== undefined) return expand(target, root);
  return [schema, ...(schema.anyOf ?? []).flatMap((one) => expand(one, root))];
}
