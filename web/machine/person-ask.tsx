import { Button } from '@mantine/core';
import { useAct, useAsk } from '../api/queries.ts';
import { Ago } from '../look/parts.tsx';

const WANTED = { on: 'Turn it on', off: 'Turn it off', reset: 'Reset it' } as const;

/** What a person at the machine is asked to do, because nothing else can. */
export function PersonAsk({ name }: { name: string }) {
  const { data, refetch } = useAsk('listPersonAsks', {}, { everyMs: 5000 });
  const answer = useAct('answerPersonAsk', { done: () => void refetch() });
  const asked = data?.items.find(({ machine }) => machine === name);
  if (!asked) return null;
  const say = (did: boolean): void => answer.mutate({ params: { name }, body: { did } });
  return (
    <div className="note row" data-tone="wait" role="status" style={{ marginBottom: '1rem' }}>
      <strong>
        {WANTED[asked.wanted]}, by hand{asked.boot ? `, and boot it from ${asked.boot.device}` : ''}.
      </strong>
      <span className="soft">
        Asked <Ago at={asked.askedAt} />, because {name} has no BMC that could.
      </span>
      <span className="row spread">
        <Button size="xs" onClick={() => say(true)}>
          It is done
        </Button>
        <Button size="xs" variant="default" onClick={() => say(false)}>
          It cannot be done
        </Button>
      </span>
    </div>
  );
}
