import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Program, startProgram } from '#test/lab/program.ts';

/** pyghmi's BMC on loopback: suite 3, a console that sends back what is typed, and a boot device. */
export type FakeBmc = AsyncDisposable & { readonly port: number; readonly program: Program };

export const FAKE_USER = { username: 'admin', password: 'password' };

// Its own program listens on every address of the machine. Port 0 is chosen here, since it does not tell which it got.
const PROGRAM = `
import sys
import uuid
import pyghmi.ipmi.bmc as bmc
import pyghmi.cmd.fakebmc as fake
class OnLoopback(fake.FakeBmc):
    def __init__(self, authdata, port):
        bmc.Bmc.__init__(self, authdata, port=port, address='::ffff:127.0.0.1',
                         bmcuuid=uuid.UUID('d1b6f5a2-0f3c-4e02-9a7b-112233445566'))
        self.powerstate = 'off'
        self.bootdevice = 'default'
        self.early = b''
    # Its console is asked for what came in before it is there to answer.
    def activate_payload(self, request, session):
        super().activate_payload(request, session)
        early, self.early = self.early, b''
        if early:
            self.sol.send_data(early)
    def iohandler(self, data):
        if self.sol:
            self.sol.send_data(data)
        else:
            self.early += data
one = OnLoopback({'admin': 'password'}, int(sys.argv[1]))
print('listening', flush=True)
one.listen()
`;

export async function startFakeBmc(): Promise<FakeBmc> {
  const folder = await mkdtemp(join(tmpdir(), 'ingot-fakebmc-'));
  const port = await freePort();
  const program = startProgram({
    name: 'fakebmc',
    command: ['/usr/bin/python3', '-u', '-c', PROGRAM, String(port)],
    logFile: join(folder, 'log'),
  });
  await program.waitForOutput(/listening/, 20_000);
  return {
    port,
    program,
    async [Symbol.asyncDispose]() {
      await program.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Free a moment ago, which is all that can be known of a port that another program will take. */
export async function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  const closed = once(socket, 'close');
  socket.close();
  await closed;
  return port;
}
