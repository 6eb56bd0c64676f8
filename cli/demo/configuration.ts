/**
 * The daemon of the demo: everything on loopback, so that no real network hears of it, and on free ports but for the
 * page, whose address people remember. A stranger waits at a script until somebody accepts it, so that there is
 * something to do.
 *
 * JSON is YAML.
 */
export const demoConfiguration = (port: number): string =>
  `${JSON.stringify(
    {
      dataDir: '.',
      subnets: [
        {
          cidr: '127.77.0.0/16',
          pools: ['127.77.1.0-127.77.250.255'],
          discovery: 'hold',
        },
      ],
      dhcp: { relayListen: ['127.0.0.1:0'] },
      boot: { listen: '127.0.0.1:0' },
      tftp: { listen: '127.0.0.1:0' },
      machine: { listen: '127.0.0.1:0', tls: '127.0.0.1:0' },
      api: { listen: `127.0.0.1:${port}` },
      loaders: { dir: './rack/loaders' },
    },
    undefined,
    2,
  )}\n`;
