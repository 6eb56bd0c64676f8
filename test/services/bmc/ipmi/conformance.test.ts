import { bmcConformance, type ConformanceRig } from '../conformance.ts';
import { openIpmi } from '#services/bmc/ipmi/open-ipmi.ts';
import { PAYLOAD } from '#services/bmc/ipmi/wire/session-packet.ts';
import { decodeSol, encodeSol } from '#services/bmc/ipmi/wire/sol.ts';
import { bytes } from './bytes.ts';
import { STEADY } from './quick-limits.ts';
import { type Said, type Seen, type SmallBmcOptions, startSmallBmc } from './small-bmc.ts';

/** A machine behind IPMI as the standard has it. */
function machine() {
  let isOn = false;
  let flags = bytes('00 00 00 00 00');
  const boots: string[] = [];

  function boot(): void {
    const isValid = ((flags[0] ?? 0) & 0x80) !== 0;
    boots.push(isValid && (flags[1] ?? 0) >>> 2 === 1 ? 'network' : 'own');
    if (((flags[0] ?? 0) & 0x40) === 0) flags = bytes('00 00 00 00 00');
  }

  function control(order: number): Said {
    if (order === 3 && !isOn) return { completion: 0xd5 };
    const wasOn = isOn;
    isOn = order === 1 || order === 3;
    if (order === 3 || (isOn && !wasOn)) boot();
    return { completion: 0 };
  }

  function answer({ netFn, cmd, data }: Seen): Said {
    const [first = 0] = data;
    const ok = (text = ''): Said => ({ completion: 0, data: bytes(text) });
    switch (`${netFn.toString(16)}/${cmd.toString(16)}`) {
      case '0/1':
        return ok(`${isOn ? '01' : '00'} 00 40`);
      case '0/2':
        return control(first);
      case '0/4':
        return ok();
      case '0/8':
        // Parameter 3 is one that OpenBMC does not know.
        if (first === 3) return { completion: 0x80 };
        if (first === 5) flags = data.slice(1);
        return ok();
      case '0/9':
        return { completion: 0, data: Uint8Array.of(1, first, ...flags) };
      case '6/1':
        return ok('20 01 01 02 02 0c a20200 0001');
      case '6/37':
        return ok('a2f5b6d1 3c0f 024e 9a7b 112233445566');
      case '6/48':
        return ok('00000000 4000 4000 6f02 ffff');
      case '6/49':
        return ok();
      case 'a/40':
        return ok('51 0100 ffff 00000000 00000000 02');
      case 'a/43':
        return ok('ffff 0100 02 80d3f660 2000 04 0c 08 6f 01ffff');
      default:
        return { completion: 0xc1 };
    }
  }

  const onPayload: SmallBmcOptions['onPayload'] = (_type, payload, bmc) => {
    const packet = decodeSol(payload);
    if (!packet.ok || packet.value.sequence === 0) return;
    const { sequence, data } = packet.value;
    bmc.push(PAYLOAD.sol, encodeSol({ sequence: 0, ack: sequence, accepted: data.length, flags: 0, data: bytes('') }));
    bmc.push(PAYLOAD.sol, encodeSol({ sequence, ack: 0, accepted: 0, flags: 0, data }));
  };

  return { options: { answer, onPayload }, power: () => (isOn ? ('on' as const) : ('off' as const)), boots };
}

async function rig(suite: 17 | 3): Promise<ConformanceRig> {
  const { options, power, boots } = machine();
  const bmc = await startSmallBmc({ ...options, suites: [suite] });
  const credential = { username: 'admin', password: 'secretpw' };
  return {
    open: () => openIpmi({ type: 'ipmi', address: `127.0.0.1:${bmc.port}`, credential }, {}, STEADY),
    machine: { power, boots: () => boots, requests: () => bmc.seen.length },
    [Symbol.asyncDispose]: () => bmc[Symbol.asyncDispose](),
  };
}

for (const suite of [17, 3] as const) {
  bmcConformance(
    `IPMI under suite ${suite}`,
    {
      verbs: ['status', 'on', 'off', 'soft', 'reset', 'boot-once', 'identify', 'inventory', 'events', 'console'],
    },
    () => rig(suite),
  );
}
