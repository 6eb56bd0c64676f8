import { type Decoded, decoding } from './cursor.ts';

/** Commands of the network function Chassis, IPMI v2.0 §28. */
export const CHASSIS = {
  status: 0x01,
  control: 0x02,
  identify: 0x04,
  setBootOptions: 0x08,
  getBootOptions: 0x09,
} as const;

/** Get Chassis Status, IPMI v2.0 §28.2. */
export type ChassisStatus = {
  readonly isOn: boolean;
  readonly hasOverload: boolean;
  readonly hasPowerFault: boolean;
  readonly hasDriveFault: boolean;
  readonly hasFanFault: boolean;
  /** Undefined where the BMC does not tell. */
  readonly isIdentifying?: boolean;
};

export function decodeChassisStatus(data: Uint8Array): Decoded<ChassisStatus> {
  return decoding(data, (read) => {
    const power = read.uint8('power state');
    read.uint8('last power event');
    const misc = read.uint8('miscellaneous state');
    return {
      isOn: (power & 0x01) !== 0,
      hasOverload: (power & 0x02) !== 0,
      hasPowerFault: (power & 0x08) !== 0,
      hasDriveFault: (misc & 0x04) !== 0,
      hasFanFault: (misc & 0x08) !== 0,
      ...((misc & 0x40) === 0 ? {} : { isIdentifying: (misc & 0x30) !== 0 }),
    };
  });
}

/** Chassis Control, IPMI v2.0 §28.3. Its power cycle is not among them: it is made of off and on. */
export const CONTROL = { off: 0x00, on: 0x01, reset: 0x03, soft: 0x05 } as const;
export type Control = keyof typeof CONTROL;

/** Chassis Identify, IPMI v2.0 §28.5. Where it can count no further, it is asked to stay on. */
export const identifyRequest = (seconds: number): Uint8Array =>
  seconds > 255 ? Uint8Array.of(255, 1) : Uint8Array.of(Math.max(0, Math.ceil(seconds)));
