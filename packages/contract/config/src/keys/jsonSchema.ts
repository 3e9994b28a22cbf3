import { z } from "zod";
import { DECLARATIONS } from "./kinds.ts";
import { SETTINGS } from "./nodeConfig.ts";

/** A JSON schema (draft 2020-12) of the file, for editors. Descriptions and defaults come from the same declarations as everything else. */
export function configJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(SETTINGS, {
    io: "input",
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema._zod.def.type === "object") {
        const required = Object.entries(zodSchema._zod.def.shape).filter(([, value]) =>
          mustBeGiven(value),
        );
        jsonSchema.required = required.map(([name]) => name);
        if (required.length === 0) delete jsonSchema.required;
      }
      const standard = DECLARATIONS.get(zodSchema)?.standard;
      if (standard !== undefined && typeof standard !== "function") jsonSchema.default = standard;
    },
  });
  // Keys that start with x- are for the author's own anchors.
  return { ...schema, title: "Annals configuration", patternProperties: { "^x-": {} } };
}

/** Sections may be left out, and so may keys that have a default. */
function mustBeGiven(schema: z.core.$ZodType): boolean {
  const declaration = DECLARATIONS.get(schema);
  return declaration !== undefined && declaration.standard === undefined;
}
