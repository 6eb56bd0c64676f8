/** How long each silence may last before it means something. Tests and slow networks may set others. */
export type VerdictTimes = {
  /**
   * Firmware sends its DISCOVER at 0, 4, 12 and 28 seconds and gathers offers for about 4: by then it has taken one, or
   * it does not want it.
   */
  readonly offerMs: number;
  /** After the newest OFFER. */
  readonly lastOfferMs: number;
  /** Another server's offer was taken; is it ours that gets used all the same? */
  readonly otherServerMs: number;
  /** From the address to the first request for the boot file: at once, with retries every 3 to 5 seconds. */
  readonly bootFileMs: number;
  /** A transfer broke off; clients try again within seconds. */
  readonly retryMs: number;
  /** From the last byte of the loader to the first sign that it runs: iPXE may wait 15 to 45 seconds for a link. */
  readonly loaderMs: number;
  /** From iPXE's address to its request for the script. */
  readonly scriptMs: number;
  /** From the script to the kernel, from the kernel to each initrd. */
  readonly kernelMs: number;
  readonly initrdMs: number;
  /** From the last byte of kernel and initrds to any sign of life: servers with much memory take minutes. */
  readonly runningMs: number;
  /** Boots that came to the kernel and to nothing else, within `loopWindowMs`, before the next one counts as a loop. */
  readonly loopBoots: number;
  readonly loopWindowMs: number;
};

export const VERDICT_TIMES: VerdictTimes = {
  offerMs: 30_000,
  lastOfferMs: 10_000,
  otherServerMs: 5000,
  bootFileMs: 20_000,
  retryMs: 20_000,
  loaderMs: 60_000,
  scriptMs: 30_000,
  kernelMs: 30_000,
  initrdMs: 30_000,
  runningMs: 300_000,
  loopBoots: 3,
  loopWindowMs: 15 * 60_000,
};
