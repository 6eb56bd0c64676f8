import type { Integer64, Word } from './shape.ts';

export type Disk = {
  /** Bytes. */
  readonly size: Integer64;
  readonly model: string;
  /** With /dev/. */
  readonly device_name: string;
  readonly name: string;
  readonly serial: string;
  readonly modalias: string;
  readonly uuid: string;
  readonly wwid: string;
  readonly type: Word<'UNKNOWN' | 'SSD' | 'HDD' | 'NVME' | 'SD' | 'CD'>;
  readonly bus_path: string;
  readonly system_disk: boolean;
  readonly subsystem: string;
  readonly readonly: boolean;
};

export type BlockDeviceWipeRequest = {
  readonly devices: readonly {
    /** The kernel's name, without /dev/. */
    readonly device: string;
    readonly method: Word<'FAST' | 'ZEROES'>;
    readonly skip_volume_check: boolean;
    readonly drop_partition: boolean;
    readonly skip_secondary_check: boolean;
  }[];
};
