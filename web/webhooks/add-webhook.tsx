import { Button, CopyButton, Modal, MultiSelect, TextInput } from '@mantine/core';
import { useState } from 'react';
import { WEBHOOK_EVENTS, WEBHOOK_GROUPS } from '#machines/contract/webhook.ts';
import { Code } from '../look/parts.tsx';

/** 256 bits, as text for a file. */
function newSecret(): string {
  return [...crypto.getRandomValues(new Uint8Array(32))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * Webhooks live in the configuration file. This writes the lines of it, and a secret that is made here, sent nowhere, and
 * shown once.
 */
export function AddWebhook({ close }: { close: () => void }) {
  const [url, setUrl] = useState('');
  const [events, setEvents] = useState<string[]>(['job.failed', 'machine.added']);
  const [secret, setSecret] = useState<string>();
  const whyNot = url === '' ? undefined : whyNotUrl(url);
  const config = `webhooks:\n  - url: ${JSON.stringify(url)}\n    secret: { file: ./webhook.secret }\n    events: [${events.join(', ')}]`;
  return (
    <Modal opened onClose={close} size="lg" title="Add a webhook" closeOnClickOutside={secret === undefined}>
      {secret === undefined ? (
        <form
          className="stack"
          onSubmit={(event) => {
            event.preventDefault();
            setSecret(newSecret());
          }}
        >
          <TextInput
            label="Where its messages go"
            placeholder="https://chat.example.com/hooks/ingot"
            value={url}
            onChange={({ currentTarget: { value } }) => setUrl(value.trim())}
            error={whyNot}
            spellCheck={false}
            data-autofocus
            required
          />
          <MultiSelect
            label="What it hears of"
            description="“job” alone means all that begin with it"
            data={[...WEBHOOK_GROUPS, ...WEBHOOK_EVENTS]}
            value={events}
            onChange={setEvents}
            searchable
          />
          <div className="row">
            <Button variant="default" onClick={close}>
              Leave it
            </Button>
            <Button
              type="submit"
              className="spread"
              disabled={url === '' || whyNot !== undefined || events.length === 0}
            >
              Make its secret
            </Button>
          </div>
        </form>
      ) : (
        <div className="empty">
          <p>
            <strong>The secret is shown once,</strong> and is known to this page only: the receiver checks by it that a
            message is from here.
          </p>
          <ol>
            <li>
              <b>Put the secret in a file beside the configuration, and give it to the receiver</b>
              <Code>{`umask 077; printf %s ${secret} > webhook.secret`}</Code>
              <CopyButton value={secret}>
                {({ copied, copy }) => (
                  <Button size="xs" variant="default" onClick={copy}>
                    {copied ? 'Copied' : 'Copy the secret'}
                  </Button>
                )}
              </CopyButton>
            </li>
            <li>
              <b>Add these lines to ingot.yaml</b>
              <Code>{config}</Code>
            </li>
            <li>
              <b>Start the daemon anew</b>
              <Code>systemctl restart ingot</Code>
              <span>Then send it a test from here.</span>
            </li>
          </ol>
          <Button onClick={close}>I have it</Button>
        </div>
      )}
    </Modal>
  );
}

function whyNotUrl(text: string): string | undefined {
  try {
    const { protocol, username, password } = new URL(text);
    if (protocol !== 'https:' && protocol !== 'http:') return 'want a URL that begins with https://';
    return username + password === '' ? undefined : 'want no password in it';
  } catch {
    return 'want a URL such as https://chat.example.com/hooks/ingot';
  }
}
