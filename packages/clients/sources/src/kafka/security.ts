import type { KafkaConfig } from "kafkajs";

/** How brokers are known and this consumer is known to them. */
export interface KafkaSecurity {
  readonly tls?: KafkaTls | undefined;
  readonly sasl?: KafkaSasl | undefined;
}

/** PEM texts. Brokers are always verified: by `ca` if it is given, otherwise by the authorities that the system trusts. */
export interface KafkaTls {
  readonly ca?: string | undefined;
  /** Of this consumer, for brokers that ask for one; together with `key`. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

export const SASL_MECHANISMS = ["plain", "scram-sha-256", "scram-sha-512"] as const;

export interface KafkaSasl {
  readonly mechanism: (typeof SASL_MECHANISMS)[number];
  readonly user: string;
  readonly password: string;
}

/** As kafkajs wants it. */
export function securityConfig({ tls, sasl }: KafkaSecurity): Pick<KafkaConfig, "ssl" | "sasl"> {
  return {
    ...(tls === undefined ? {} : { ssl: definedOf(tls) }),
    ...(sasl === undefined ? {} : { sasl: saslOf(sasl) }),
  };
}

/** One with an empty `ca` would trust nobody. */
function definedOf({ ca, cert, key }: KafkaTls): NonNullable<KafkaConfig["ssl"]> {
  return {
    rejectUnauthorized: true,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}

/** A union whose members differ in the mechanism alone. */
function saslOf({
  mechanism,
  user: username,
  password,
}: KafkaSasl): NonNullable<KafkaConfig["sasl"]> {
  switch (mechanism) {
    case "plain":
      return { mechanism, username, password };
    case "scram-sha-256":
      return { mechanism, username, password };
    case "scram-sha-512":
      return { mechanism, username, password };
    default:
      return mechanism satisfies never;
  }
}
