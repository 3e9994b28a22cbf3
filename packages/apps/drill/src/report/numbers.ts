const KIB = 1024;
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** Bytes for people: "64 MiB", "1.5 GiB". */
export function bytesText(bytes: number): string {
  let [amount, unit] = [Math.abs(bytes), 0];
  while (amount >= KIB && unit < UNITS.length - 1) {
    amount /= KIB;
    unit++;
  }
  const digits = unit === 0 || amount >= 100 || Number.isInteger(amount) ? 0 : 1;
  return `${bytes < 0 ? "-" : ""}${amount.toFixed(digits)} ${UNITS[unit] ?? ""}`;
}

/** Milliseconds for people: "850 ms", "2.1 s", "3 min 20 s". */
export function elapsedText(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
