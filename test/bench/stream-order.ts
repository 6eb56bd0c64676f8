/** What the guest of the streaming row is told. */
export type StreamOrder = {
  /** Where the image is: `/image` there, compressed by zstd. */
  readonly url: string;
  /** Of the server's key, as the agent is given it. */
  readonly pin: string;
  /** Of the bytes as they are served, and of the image. */
  readonly sha256: string;
  readonly rawSha256: string;
  readonly rawBytes: number;
};
