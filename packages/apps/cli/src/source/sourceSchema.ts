import type { RecordMapping } from "@annals/sources";
import { parseDuration } from "@annals/config";
import { z } from "zod";
import { keepsPassword, SASL, TLS } from "./security.ts";
import type { WrittenSecurity } from "./security.ts";

/** One source of a file, with defaults filled in. */
export interface SourceSpec {
  readonly log: string;
  /** Where it reads from; exactly one. */
  readonly from: {
    readonly kafka?: WrittenKafka | undefined;
    readonly postgres?: WrittenTable | undefined;
  };
  readonly record: RecordMapping;
}

export interface WrittenKafka extends WrittenSecurity {
  /** Default: `annals.` and the name of the source. */
  readonly group?: string | undefined;
  readonly topics: readonly string[];
  readonly stateBytes?: number | undefined;
  /** In milliseconds. */
  readonly sessionTimeout?: number | undefined;
}

export interface WrittenTable {
  readonly url: string;
  /** `orders`, or `schema.orders`; default schema: public. */
  readonly table: string;
  /** Unique, such as the primary key. */
  readonly column: string;
  /** The column with the transaction that has inserted the row. */
  readonly xid: string;
  /** The column that becomes the record's `time`. */
  readonly time?: string | undefined;
  /** In milliseconds. */
  readonly poll?: number | undefined;
}

/** A file of sources. */
export interface WrittenSources {
  readonly url?: string | readonly string[] | undefined;
  readonly listen?: string | undefined;
  readonly sources: Readonly<Record<string, SourceSpec>>;
}

export function kafkaGroup(name: string, { group }: WrittenKafka): string {
  return group ?? `annals.${name}`;
}

const NAME = /^[a-z][a-z0-9._-]{0,39}$/;
const LOG = /^[a-z][a-z0-9._-]{0,63}$/;
/** What brokers allow by default (group.min.session.timeout.ms). */
const SESSION_MS_MIN = 6_000;

const COLUMN_CHARACTERS_MAX = 63;
const POLL_MS_MIN = 10;
const POLL_MS_MAX = 3_600_000;

/** 0 for what is no duration. */
function millisecondsOf(written: string): number {
  const parsed = parseDuration(written);
  return parsed.ok ? parsed.value : 0;
}

const text = z.string().min(1);
const url = z.url({ protocol: /^https?$/, error: "expected a URL such as https://host/path" });
const entity = z.strictObject({ id: text, type: text.optional() });

const record = z.strictObject({
  actor: entity,
  action: text,
  targets: z.array(entity).optional(),
  tenant: text.optional(),
  data: text.optional(),
  diff: z.boolean().optional(),
});

const kafka = z
  .strictObject({
    brokers: z.array(text).min(1),
    group: text.optional(),
    topics: z.array(text).min(1),
    tls: TLS.optional(),
    sasl: SASL.optional(),
    stateBytes: z.int().min(1).optional(),
    sessionTimeout: z
      .string()
      .transform(millisecondsOf)
      .refine((ms) => ms >= SESSION_MS_MIN, { error: "expected 6s or more, such as 30s" })
      .optional(),
  })
  .refine(keepsPassword, {
    error: "plain sends the password as it is: set tls, or use scram-sha-512",
    path: ["sasl"],
  });

const column = z.string().min(1).max(COLUMN_CHARACTERS_MAX);
const postgres = z.strictObject({
  url: z.url({ protocol: /^postgres(ql)?$/, error: "expected postgres://user@host/database" }),
  table: z.string().regex(/^[^.]{1,63}(?:\.[^.]{1,63})?$/, "expected a table, or schema.table"),
  column,
  xid: column.default("xact_id"),
  time: column.optional(),
  poll: z
    .string()
    .transform(millisecondsOf)
    .refine((ms) => ms >= POLL_MS_MIN && ms <= POLL_MS_MAX, {
      error: "expected 10ms to 1h, such as 1s",
    })
    .optional(),
});

const from = z
  .strictObject({ kafka: kafka.optional(), postgres: postgres.optional() })
  .refine((given) => Object.values(given).filter((one) => one !== undefined).length === 1, {
    message: "expected exactly one of kafka, postgres",
  });

const source = z
  .strictObject({
    log: z.string().regex(LOG, "expected the name of a log").default("audit"),
    from,
    record,
  })
  .refine((given) => given.from.postgres === undefined || given.record.diff === undefined, {
    path: ["record", "diff"],
    message: "each row of a table comes once, so nothing of it can change",
  });

export const SOURCE_FILE: z.ZodType<WrittenSources> = z.strictObject({
  url: z.union([url, z.array(url).min(1)]).optional(),
  listen: z
    .string()
    .regex(/^[^\s:]+:\d{1,5}$/, "expected host:port")
    .optional(),
  sources: z
    .record(z.string().regex(NAME, "expected a name such as orders"), source)
    .superRefine((sources, context) => {
      const first = new Map<string, string>();
      for (const [
        name,
        {
          from: { kafka: given },
        },
      ] of Object.entries(sources)) {
        if (given === undefined) continue;
        const group = kafkaGroup(name, given);
        const other = first.get(group);
        if (other === undefined) first.set(group, name);
        else
          context.addIssue({
            code: "custom",
            path: [name, "from", "kafka", "group"],
            message: `group ${group} is that of source ${other}: give each its own`,
          });
      }
    }),
});
