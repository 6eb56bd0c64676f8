import './webhooks.css';
import { Button, SegmentedControl } from '@mantine/core';
import { lazy, Suspense, useState } from 'react';
import { useQueryClient } from '@tanstack/react-query';
import type { ReceivedOf } from '#machines/contract/api/route.ts';
import type { Routes } from '#machines/contract/api/routes.ts';
import { useAct, useAsk } from '../api/queries.ts';
import { count } from '../look/format.ts';
import type { Tone } from '../look/machine-state.ts';
import { Ago, Card, Code, Empty, Failed, Mono, ScreenHead, StateMark, Wide } from '../look/parts.tsx';
import { tell } from '../look/tell.ts';
import { useSession } from '../shell/session.ts';

const AddWebhook = lazy(async () => ({ default: (await import('./add-webhook.tsx')).AddWebhook }));

type Webhook = ReceivedOf<Routes['listWebhooks']>['items'][number];
type Delivery = ReceivedOf<Routes['listDeliveries']>['items'][number];

const FILTERS = ['all', 'waiting', 'dead'] as const;
type Filter = (typeof FILTERS)[number];

/** Programs elsewhere that are told what happens, and how that goes. */
export function WebhooksScreen() {
  const { may } = useSession();
  const isAdmin = may('admin');
  const hooks = useAsk('listWebhooks', {}, { everyMs: 10_000, enabled: isAdmin });
  const [filter, setFilter] = useState<Filter>('all');
  const [adds, setAdds] = useState(false);
  if (!isAdmin) {
    return (
      <>
        <ScreenHead title="Webhooks" />
        <Card>
          <Empty title="Webhooks are for admins">
            <p>Their addresses are often secrets themselves. Ask an admin, or one to make you one.</p>
          </Empty>
        </Card>
      </>
    );
  }
  return (
    <>
      <ScreenHead
        title="Webhooks"
        about="Programs that are told what happens: each message is signed, tried again for hours, and kept in the log below."
      >
        <Button onClick={() => setAdds(true)}>Add a webhook…</Button>
      </ScreenHead>
      <div className="stack">
        {hooks.error && <Failed error={hooks.error} />}
        {hooks.data?.items.length === 0 && (
          <Card>
            <Empty title="Nobody is told yet">
              <p>
                A chat, a ticket system or a program of yours can hear of machines that come, jobs that fail and boots
                that end. Webhooks live in the daemon’s configuration, beside its other secrets:
              </p>
              <Code>
                {
                  'webhooks:\n  - url: https://chat.example.com/hooks/ingot\n    secret: { file: ./webhook.secret }\n    events: [job.failed, machine.added]'
                }
              </Code>
              <p>“Add a webhook” above makes the secret and writes these lines for you.</p>
            </Empty>
          </Card>
        )}
        <div className="two">
          {hooks.data?.items.map((one) => (
            <Hook key={one.url} hook={one} />
          ))}
        </div>
        {(hooks.data?.items.length ?? 0) > 0 && <Deliveries filter={filter} choose={setFilter} />}
      </div>
      {adds && (
        <Suspense>
          <AddWebhook close={() => setAdds(false)} />
        </Suspense>
      )}
    </>
  );
}

function Hook({ hook }: { hook: Webhook }) {
  const queries = useQueryClient();
  const test = useAct('testWebhook', {
    done: ({ state, because, status }) => {
      void queries.invalidateQueries({ queryKey: ['listDeliveries'] });
      tell(
        state === 'delivered'
          ? `It was received${status === undefined ? '' : ` (${status})`}.`
          : `Not received: ${because ?? state}`,
      );
    },
  });
  const { host, pathname } = new URL(hook.url);
  return (
    <Card
      title={host}
      aside={
        <Button
          className="spread"
          size="xs"
          variant="default"
          loading={test.isPending}
          onClick={() => test.mutate({ body: { url: hook.url } })}
        >
          Send a test
        </Button>
      }
    >
      <div className="stack">
        <p className="soft hook-path">
          <Mono>{pathname}</Mono>
        </p>
        <p>Hears of {hook.events.join(', ')}.</p>
        <p className="row">
          <StateMark tone="good">{count(hook.delivered, 'received', 'received')}</StateMark>
          <StateMark tone={hook.waiting > 0 ? 'wait' : 'quiet'}>{count(hook.waiting, 'waiting', 'waiting')}</StateMark>
          <StateMark tone={hook.dead > 0 ? 'bad' : 'quiet'}>{count(hook.dead, 'given up', 'given up')}</StateMark>
          <span className="soft">since the daemon started</span>
        </p>
      </div>
    </Card>
  );
}

const STATES: Readonly<Record<Delivery['state'], { readonly tone: Tone; readonly text: string }>> = {
  delivered: { tone: 'good', text: 'received' },
  waiting: { tone: 'wait', text: 'tried again' },
  dead: { tone: 'bad', text: 'given up' },
};

function Deliveries({ filter, choose }: { filter: Filter; choose: (filter: Filter) => void }) {
  const { data, error } = useAsk(
    'listDeliveries',
    { query: { limit: 200, ...(filter === 'all' ? {} : { state: filter }) } },
    { everyMs: 10_000 },
  );
  return (
    <Card
      title="What they were told"
      aside={
        <SegmentedControl
          className="spread"
          size="xs"
          aria-label="Which messages"
          data={[
            { value: 'all', label: 'all' },
            { value: 'waiting', label: 'tried again' },
            { value: 'dead', label: 'given up' },
          ]}
          value={filter}
          onChange={(value) => choose(FILTERS.find((one) => one === value) ?? 'all')}
        />
      }
    >
      {error && <Failed error={error} />}
      {data?.items.length === 0 && (
        <p className="soft">
          {filter === 'all' ? 'Nothing yet. “Send a test” above sends the first.' : 'None, which is well.'}
        </p>
      )}
      {data && data.items.length > 0 && (
        <Wide label="What webhooks were told">
          <table className="plain">
            <thead>
              <tr>
                <th scope="col">When</th>
                <th scope="col">Event</th>
                <th scope="col">To</th>
                <th scope="col">How it went</th>
                <th scope="col" className="number">
                  Tries
                </th>
                <th scope="col">Message</th>
              </tr>
            </thead>
            <tbody>
              {data.items.map((one) => (
                <tr key={one.id}>
                  <td>
                    <Ago at={one.at} />
                  </td>
                  <td>{one.event}</td>
                  <td>{new URL(one.url).host}</td>
                  <td>
                    <StateMark tone={STATES[one.state].tone}>{STATES[one.state].text}</StateMark>
                    {one.status !== undefined && <span className="soft"> HTTP {one.status}</span>}
                    {one.because !== undefined && <span className="hook-because">{one.because}</span>}
                    {one.state === 'waiting' && one.nextAt !== undefined && (
                      <span className="hook-because">
                        next try <Ago at={one.nextAt} />
                      </span>
                    )}
                  </td>
                  <td className="number">{one.tries}</td>
                  <td>
                    <details>
                      <summary>Show</summary>
                      <Code>{pretty(one.body)}</Code>
                    </details>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Wide>
      )}
    </Card>
  );
}

function pretty(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), undefined, 2);
  } catch {
    return body;
  }
}
