/** What the demo does as the operator of its daemon. */
export type Operator = {
  apply(documents: readonly unknown[]): Promise<void>;
  /** Seals what the rack's BMCs are logged in to with. */
  setCredential(name: string, login: { readonly username: string; readonly password: string }): Promise<void>;
  /** Puts a machine into service, so that it is never netbooted. Does nothing when it is. */
  adopt(machine: string): Promise<void>;
  /** Asks once what an install would do: the image is read to its end then, and the next one who asks need not wait. */
  foreseeInstall(machine: string): Promise<void>;
  /** An address that opens the page once. */
  pageUrl(): Promise<string>;
};

export function operatorOf({ api, token }: { readonly api: string; readonly token: string }): Operator {
  async function call(method: 'GET' | 'POST' | 'PUT', path: string, body?: unknown): Promise<unknown> {
    const answer = await fetch(new URL(path, api), {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(method === 'GET' ? {} : { body: JSON.stringify(body ?? {}) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return JSON.parse(text);
  }
  return {
    async apply(documents) {
      const answer = (await call('POST', '/api/v1/apply', { documents, from: 'demo' })) as {
        readonly ok: boolean;
        readonly changes: readonly unknown[];
      };
      if (!answer.ok) throw new Error(`the rack's documents were refused: ${JSON.stringify(answer.changes)}`);
    },
    async setCredential(name, login) {
      await call('PUT', `/api/v1/bmc-credentials/${name}`, login);
    },
    async adopt(machine) {
      const { items } = (await call('GET', '/api/v1/machines')) as {
        readonly items: readonly { readonly name: string; readonly status: { readonly service: string } }[];
      };
      const found = items.find(({ name }) => name === machine);
      if (found && found.status.service !== 'adopted') await call('POST', `/api/v1/machines/${machine}/actions/adopt`);
    },
    async foreseeInstall(machine) {
      // Refused as long as the image is being read.
      await call('POST', '/api/v1/plans', { kind: 'install', machines: [machine] }).catch(() => {});
    },
    async pageUrl() {
      const { url } = (await call('POST', '/api/v1/codes')) as { readonly url: string };
      return url;
    },
  };
}
