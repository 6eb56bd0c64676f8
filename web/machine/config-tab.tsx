import type { MachineResource } from '#machines/contract/api/machine-resource.ts';
import { useAsk } from '../api/queries.ts';
import { DocumentText } from '../documents/document-text.tsx';
import { EditDocument } from '../documents/edit-document.tsx';
import { Card, Code, Failed, Mono, Pairs, Wide } from '../look/parts.tsx';

const OUTCOMES = {
  'own-disk': 'goes on to its own disk',
  hold: 'waits at a script',
  netboot: 'netboots',
  shell: 'stays in a shell of iPXE',
} as const;

/** What it would be sent now and why, and who said each value of its configuration. */
export function ConfigTab({ machine }: { machine: MachineResource }) {
  const explained = useAsk('explain', { query: { of: machine.name } });
  const config = useAsk('getMachineConfig', { params: { name: machine.name } });
  return (
    <div className="stack">
      {explained.error && <Failed error={explained.error} />}
      {explained.data && <Explained of={explained.data} />}
      <Card
        title="Document"
        aside={
          <>
            <span className="soft">what somebody wrote down about it</span>
            <span className="spread">
              <EditDocument kind="Machine" name={machine.name} />
            </span>
          </>
        }
      >
        <DocumentText kind="Machine" name={machine.name} rev={machine.status.rev} />
      </Card>
      {config.error && <Failed error={config.error} />}
      {config.data && (
        <Card
          title="Configuration"
          aside={
            <span className="soft">each value, and who said it: what is said later wins over what is said before</span>
          }
        >
          {config.data.values.length === 0 ? (
            <p className="soft">
              Nothing is configured for it. Write <code>data</code>, <code>config</code> or <code>network</code> in its
              document, its class or its profile.
            </p>
          ) : (
            <Wide label="Configuration">
              <table className="plain">
                <thead>
                  <tr>
                    <th scope="col">Key</th>
                    <th scope="col">Value</th>
                    <th scope="col">Said by</th>
                  </tr>
                </thead>
                <tbody>
                  {config.data.values.map(({ path, value, from }) => (
                    <tr key={path}>
                      <td>
                        <Mono>{path}</Mono>
                      </td>
                      <td className="value">
                        <Value text={typeof value === 'string' ? value : JSON.stringify(value)} />
                      </td>
                      <td>
                        <span className="origin">{from}</span>
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </Wide>
          )}
          {config.data.refusals.map(({ target, key, because }) => (
            <p key={`${target} ${key}`} className="note" data-tone="wait">
              {target} cannot express <Mono>{key}</Mono>: {because}
            </p>
          ))}
        </Card>
      )}
    </div>
  );
}

/** As much as a line or two hold; the rest by a click. */
const SHOWN_CHARACTERS = 160;

function Value({ text }: { text: string }) {
  if (text.length <= SHOWN_CHARACTERS) return text;
  return (
    <details>
      <summary>
        {text.slice(0, 60)}… ({text.length.toLocaleString('en')} characters)
      </summary>
      {text}
    </details>
  );
}

type Explanation = NonNullable<ReturnType<typeof useAsk<'explain'>>['data']>;

function Explained({ of }: { of: Explanation }) {
  return (
    <Card title={`Now it ${OUTCOMES[of.outcome.kind]}`} aside={<span className="soft">if it asked this moment</span>}>
      <div className="stack">
        <Pairs
          of={[
            ['Because', of.outcome.because],
            ['Rule', of.plan.because === of.outcome.because ? undefined : of.plan.because],
            ['Profile', of.plan.profile],
            ['Image', of.plan.image],
            [
              'First boot file',
              of.loader.name === undefined ? of.loader.because : <Mono key="loader">{of.loader.name}</Mono>,
            ],
            ['Missing', of.missing.map(({ file, because }) => `${file}: ${because}`).join('; ')],
          ]}
        />
        <div>
          <h3>Its script, byte for byte</h3>
          <Code>{of.script.text}</Code>
        </div>
      </div>
    </Card>
  );
}
