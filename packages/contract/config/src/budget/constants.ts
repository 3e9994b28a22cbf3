/** Caps that are no keys. The components enforce them, the table of bounds adds them up. */

const KIBIBYTE = 1024;
const MEBIBYTE = 1024 * KIBIBYTE;

/** What Node's parser, the socket and a small request keep of one connection. */
export const CONNECTION_BYTES: number = 32 * KIBIBYTE;

/** Largest body of a request that carries no records. */
export const SMALL_BODY_BYTES_MAX: number = 4 * KIBIBYTE;

/** The most connections to leaders over which requests are passed on, and the most that one other node may have to this one. */
export const FORWARD_SOCKETS_MAX = 256;
/** The most connections that have not sent the head of a request. */
export const UNDECIDED_CONNECTIONS_MAX = 256;
/** Connections that are told why they are closed; beyond, one is closed without a word. */
export const GOODBYES_MAX = 64;
/** Connections of probes for which clients have left no place. */
export const OPERATOR_CONNECTIONS_MAX = 32;

/** Answers of nodes that are asked for their copy of a log, at a time, and the largest one that is read. */
export const COPY_QUESTIONS_MAX = 8;
export const COPY_ANSWER_BYTES_MAX: number = 64 * KIBIBYTE;

/** Bytes of JSON that a byte of a stored record may become: a control character is written as six. */
export const RECORD_JSON_FACTOR = 6;
/** Bytes of msgpack that a byte of JSON may become: `1e9,` is a float of nine. */
export const RECORD_MSGPACK_FACTOR = 2.25;

/** Subscriptions of a node, and of one stream. */
export const SUBSCRIPTIONS_MAX = 512;
export const STREAM_SUBSCRIPTIONS_MAX = 64;
/** Appends of one stream that are not answered, or whose answers its socket has not taken. */
export const STREAM_APPENDS_MAX = 64;
/** Heads, answers and pongs of one stream that its socket has not taken; a client that leaves more unread is cut off. */
export const STREAM_UNREAD_BYTES_MAX: number = 64 * KIBIBYTE;

/** Log lines that a full disk, or whoever reads them, does not take. Beyond, further ones are dropped. */
export const LINES_BYTES_MAX: number = 1024 * KIBIBYTE;

/** Chunks of an upload in memory: in the socket, and waiting for the disk. */
export const UPLOAD_CHUNKS = 3;
/** Chunks of a download in memory: read ahead, and in the socket. */
export const DOWNLOAD_CHUNKS = 2;

/** Links from peers that have not said hello yet, and what one may have sent by then. */
export const HANDSHAKES_MAX = 128;
/** A read of the socket may cross the cap. */
export const SOCKET_READ_BYTES: number = 64 * KIBIBYTE;

/**
 * Heap of the main thread, which holds no records: several times what it was seen to need.
 */
export const GATEWAY_HEAP_BYTES: number = 128 * MEBIBYTE;
/** Code, stacks and native memory of an idle process, and of each further thread, as measured. */
export const PROCESS_BYTES: number = 80 * MEBIBYTE;
export const THREAD_BYTES: number = 24 * MEBIBYTE;

/** A sample of another node's clock, on the heaps of the gateway and of one worker. */
export const CLOCK_SAMPLE_BYTES = 256;
