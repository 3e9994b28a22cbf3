import type { z } from "zod";
import { withEnvironment } from "./fileEnvironment.ts";
import type { FileScheme } from "./fileEnvironment.ts";
import { fileProblems } from "./fileProblems.ts";
import type { Environment, RefuseFile, YamlFile } from "./yamlFile.ts";

/** The content of a file of sinks or sources, with what the environment sets. Throws what `refuse` makes of what is wrong with it. */
export function checkedFile<Output>(
  { value, source, variables }: YamlFile,
  schema: z.ZodType<Output>,
  scheme: FileScheme,
  env: Environment,
  refuse: RefuseFile,
): Output {
  const given = withEnvironment(value, schema, scheme, unnamed(env, variables));
  if (given.problems.length > 0)
    throw refuse(given.problems.map((text) => source.problem([], text)));
  const parsed = schema.safeParse(given.value);
  if (parsed.success) return parsed.data;
  throw refuse(fileProblems(parsed.error, source, schema, given.origins));
}

/** A variable that the file names is the file's, whatever it is called. */
function unnamed(env: Environment, variables: ReadonlySet<string>): Environment {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !variables.has(name)));
}
