export type { BlobInfo, BlobSource } from "./blobs.ts";
export { AnnalsClient } from "./annalsClient.ts";
export type { AnnalsClientOptions } from "./annalsClient.ts";
export { ClientError } from "./clientError.ts";
export { LogWriter } from "./logWriter.ts";
export type { LogWriterOptions, LogWriterSummary } from "./logWriter.ts";
export { OrderedProducer } from "./orderedProducer.ts";
export type { OrderedProducerOptions } from "./orderedProducer.ts";
export type * from "./types.ts";
