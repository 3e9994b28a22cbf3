/** An audit record as programs write them, about `bytes` long, that tells its number. */
export function recordText(serial: number, bytes: number): string {
  const head =
    `{"actor":{"id":"user-${serial % 1000}","type":"user"},"action":"document.updated",` +
    `"targets":[{"id":"doc-${serial % 7919}"}],"outcome":"success","data":{"n":${serial},"note":"`;
  // Words, so that a compressor finds what it finds in records.
  const words = `changed paragraph ${serial % 97} of section ${serial % 13} after review `;
  const note = words
    .repeat(Math.max(0, Math.ceil(bytes / words.length)))
    .slice(0, Math.max(0, bytes - head.length - 3));
  return `${head}${note}"}}`;
}
