import { z } from 'zod';
import { parseIpAddress, parseIpv4 } from '../values/ip-address.ts';
import { parseMacAddress } from '../values/mac-address.ts';
import type { Parsed } from '../values/parsed.ts';
import { parseUuid } from '../values/uuid.ts';

/** A schema for text that a parse function turns into a branded value. */
export const textValue = <T>(parse: (text: string) => Parsed<T>) =>
  z.string().transform((text, context): T => {
    const result = parse(text);
    if (result.ok) return result.value;
    context.addIssue({ code: 'custom', message: result.because, input: text });
    return z.NEVER;
  });

export const macAddress = textValue(parseMacAddress);
export const ipv4 = textValue(parseIpv4);
export const ipAddress = textValue(parseIpAddress);
export const uuid = textValue(parseUuid);

/** RFC 1123 label rules and dots: a name goes into host names, URLs and file names, so nothing needs escaping. */
export const name = z
  .string()
  .max(63)
  .regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, 'want lower-case letters, digits, dots and dashes, such as r1-u12');

export const labels = z.record(
  z.string().regex(/^[A-Za-z0-9]([A-Za-z0-9_./-]{0,61}[A-Za-z0-9])?$/),
  z.string().max(255),
);

/** What every document begins with, after its kind. */
export const metadata = { apiVersion: z.literal('ingot/v1').optional(), name, labels: labels.default({}) };
