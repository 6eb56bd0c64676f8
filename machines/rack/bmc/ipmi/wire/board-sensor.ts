/** What a BMC measures of its machine, or watches: Redfish and IPMI tell the same. */
export type BoardSensor = {
  readonly name: string;
  /** 1 and up: the sensor's number in IPMI. */
  readonly number: number;
  /** IPMI 2.0 table 43-13. */
  readonly entity: number;
  readonly tells:
    | {
        readonly kind: 'temperature' | 'fan' | 'power';
        /** Undefined while there is nothing to measure. */
        readonly value: number | undefined;
        /** Above, or below, it is critical. */
        readonly upper?: number;
        readonly lower?: number;
      }
    /** Table 42-3, offsets of the power supply's list. */
    | { readonly kind: 'supply'; readonly states: readonly number[] };
};
