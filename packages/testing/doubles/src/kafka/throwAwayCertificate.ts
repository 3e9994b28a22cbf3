import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** Why none can be made on this machine; undefined: one can. */
export function whyNoCertificate(): string | undefined {
  return spawnSync("openssl", ["version"]).error === undefined
    ? undefined
    : "openssl is not installed";
}

/** A certificate for 127.0.0.1 that has signed itself, for a day. */
export function throwAwayCertificate(): Certificate {
  const directory = mkdtempSync(join(tmpdir(), "annals-certificate-"));
  const [cert, key] = [join(directory, "cert.pem"), join(directory, "key.pem")];
  try {
    const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    const name = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
    const files = ["-keyout", key, "-out", cert];
    execFileSync("openssl", ["req", "-x509", "-days", "1", ...curve, ...name, ...files], {
      stdio: "pipe",
    });
    return { cert: readFileSync(cert, "utf8"), key: readFileSync(key, "utf8") };
  } finally {
    rmSync(directory, { recursive: true });
  }
}
