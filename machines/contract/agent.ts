import { z } from 'zod';
import { inventory } from './inventory.ts';

/**
 * What the agent and the daemon say to each other over the machine plane (TLS, pinned by the SHA-256 of the daemon's
 * SubjectPublicKeyInfo). All of it is outbound from the agent.
 *
 * The kernel's command line carries `ingot.url=https://ADDRESS:PORT`, `ingot.pin=BASE64` (SHA-256 of the SPKI, as
 * Talos writes its fingerprints), `ingot.attempt=ID` and iPXE's `BOOTIF=01-aa-bb-cc-dd-ee-ff`. The boot token lies in
 * BOOT_TOKEN_FILE, put there by an initrd of its own, mode 0400, and never on the command line.
 *
 * POST /agent/register   Authorization: Bearer <boot token>; body `agentRegistration`, answer 200 `agentWelcome`.
 * POST /agent/inventory  Authorization: Bearer <session>;    body `inventory` (source agent), answer 204.
 * POST /agent/logs       Authorization: Bearer <session>;    body `agentLogs`, answer 204.
 * POST /agent/status     Authorization: Bearer <session>;    body `agentStatus`, answer 200 `agentOrders`: the heartbeat.
 * POST /agent/certificate Authorization: Bearer <session>;   body `agentCertificateRequest`, answer 200
 *                        `agentCertificate`: asked for when a third of the life of the one before is left.
 * Unknown, spent, expired and foreign credentials all get the same 404.
 */
export const BOOT_TOKEN_FILE = '/etc/ingot/boot-token';
export const MACHINE_API_PORT = 50_000;
/** With this word on the kernel's command line the image gives a shell on each console, and runs no agent. */
export const RESCUE_ARGUMENT = 'ingot.rescue';

const line = z
  .string()
  .max(1024)
  .regex(/^[^\p{Cc}]*$/u, 'want one line without control characters');

export const agentRegistration = z.strictObject({
  attempt: z.string().max(64),
  version: line,
  /** PKCS#10 in PEM: the key is made on the machine and stays there. */
  csr: z.string().max(8192),
  /** Addresses of the NIC it booted from. */
  addresses: z.array(line).max(64),
  bootMac: line,
  /** Permanent addresses of all physical NICs. */
  macs: z.array(line).max(1024),
  uuid: line.optional(),
  serial: line.optional(),
  /** Where it serves the machine API. */
  port: z.int().min(1).max(65_535).default(MACHINE_API_PORT),
});
export type AgentRegistration = z.output<typeof agentRegistration>;

export const agentWelcome = z.strictObject({
  /** The machine's name, for the screen. */
  machine: z.string(),
  /** The certificate for the machine API, its SANs the addresses above, and the CA that signed it and our clients', PEM. */
  certificate: z.string(),
  ca: z.string(),
  /** The key to the other calls: for this machine, attempt and address only. */
  session: z.string(),
  heartbeatSeconds: z.int().min(1).max(600),
});
export type AgentWelcome = z.output<typeof agentWelcome>;

/** The same key's, or another one of the same machine: what counts is the session, and the address that it is bound to. */
export const agentCertificateRequest = z.strictObject({ csr: z.string().max(8192) });
/** PEM, for the machine and the address that the session is bound to. */
export const agentCertificate = z.strictObject({ certificate: z.string() });
export type AgentCertificate = z.output<typeof agentCertificate>;

export const agentLogs = z.strictObject({
  lines: z
    .array(
      z.strictObject({
        source: z.enum(['kernel', 'agent']),
        /** Milliseconds since power-on by the kernel's monotonic clock. */
        uptimeMs: z.number().min(0),
        /** RFC 5424 severity, 0 to 7. */
        severity: z.int().min(0).max(7),
        text: line,
      }),
    )
    .max(1000),
});
export type AgentLogs = z.output<typeof agentLogs>;

export const AGENT_STAGES = ['inventory', 'waiting', 'working', 'rebooting', 'shutting-down', 'failed'] as const;
export const agentStatus = z.strictObject({
  stage: z.enum(AGENT_STAGES),
  text: line,
  /** 0 to 1. */
  progress: z.number().min(0).max(1).optional(),
});
export type AgentStatus = z.output<typeof agentStatus>;

export const agentOrders = z.strictObject({
  /** What the screen shows about the machine: `waiting to be accepted: ingot machine accept m-525400000001`. */
  notice: line,
  order: z.enum(['wait', 'inventory', 'reboot', 'shutdown']),
});
export type AgentOrders = z.output<typeof agentOrders>;
export const agentInventory = inventory;
