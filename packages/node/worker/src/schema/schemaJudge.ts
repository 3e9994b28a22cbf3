import { AnnalsError } from "@annals/record";
import type { LogSchema } from "@annals/system";
import { recordText } from "@annals/wire";
import type { ValidateFunction } from "ajv/dist/2020.js";
import { compileSchema } from "./compileSchema.ts";

/** Versions by which records were judged, by action. */
export type JudgedBy = Readonly<Record<string, number>>;

interface Compiled {
  readonly version: number;
  /** Or why a committed schema cannot be compiled by this build: then nothing passes it. */
  readonly validate: ValidateFunction | AnnalsError;
}

/** The schemas of one log, compiled. Records are judged as they will be read: bytes as base64. */
export class SchemaJudge {
  readonly #byAction = new Map<string, Compiled>();

  private constructor(schemas: readonly LogSchema[]) {
    for (const { action, version, schema } of schemas)
      if (schema !== undefined)
        this.#byAction.set(action, { version, validate: compiledOrNot(schema) });
  }

  /** Undefined when there is nothing to judge by: such logs pay nothing. */
  static of(schemas: readonly LogSchema[]): SchemaJudge | undefined {
    return schemas.some(({ schema }) => schema !== undefined)
      ? new SchemaJudge(schemas)
      : undefined;
  }

  /** Yields after each record, for whoever must give way. Throws ERR_RECORD_SCHEMA for the first record that violates its schema. */
  *judge(records: readonly Uint8Array[]): Generator<void, JudgedBy, void> {
    const judgedBy: Record<string, number> = {};
    for (const [position, bytes] of records.entries()) {
      const { action, data = {} } = asRead(bytes);
      const compiled = this.#byAction.get(action);
      if (compiled !== undefined) {
        const { version, validate } = compiled;
        if (validate instanceof AnnalsError) throw validate;
        if (!validate(data)) throw violated(position, action, version, validate);
        judgedBy[action] = version;
      }
      yield;
    }
    return judgedBy;
  }
}

/** What is beyond a double is judged by the nearest one. */
function asRead(record: Uint8Array): { readonly action: string; readonly data?: unknown } {
  return JSON.parse(recordText(record)) as { readonly action: string; readonly data?: unknown };
}

function compiledOrNot(schema: string): ValidateFunction | AnnalsError {
  try {
    return compileSchema(schema);
  } catch (error) {
    if (error instanceof AnnalsError) return error;
    throw error;
  }
}

function violated(
  position: number,
  action: string,
  version: number,
  { errors }: ValidateFunction,
): AnnalsError {
  const first = errors?.[0];
  const path = `data${first?.instancePath ?? ""}`;
  return new AnnalsError(
    "ERR_RECORD_SCHEMA",
    `${path} ${first?.message ?? "is not what the schema says"} (record ${position}, schema ${version} of "${action}")`,
    { details: { position, path, action, version } },
  );
}
