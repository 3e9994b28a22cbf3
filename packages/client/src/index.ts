export type { BlobInfo, BlobSource } from "./blobs.ts";
export { AnnalsClient } from "./annalsClient.ts";
export type { AnnalsClientOptions } from "./annalsClient.ts";
export { ClientError } from "./clientError.ts";
export { OrderedProducer } from "./orderedProducer.ts";
export type { OrderedProducerOptions } from "./orderedProducer.ts";
export type * from "./types.ts";
