import { Button, Modal, NumberInput, Select, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { ApprovalResource } from '#machines/contract/api/approval-routes.ts';
import { MAX_APPROVAL_DAYS } from '#machines/contract/approval.ts';
import { useAct, useAsk } from '../api/queries.ts';
import { count } from '../look/format.ts';
import type { Tone } from '../look/machine-state.ts';
import { Ago, Card, Failed, StateMark, Wide } from '../look/parts.tsx';
import { tell } from '../look/tell.ts';
import { useSession } from '../shell/session.ts';

const STATES: Readonly<Record<ApprovalResource['state'], { readonly tone: Tone; readonly text: string }>> = {
  open: { tone: 'good', text: 'open' },
  'used-up': { tone: 'quiet', text: 'used up' },
  over: { tone: 'quiet', text: 'over' },
  ended: { tone: 'quiet', text: 'ended' },
};

/** What approvers have said once for plans that are made later: on blank disks only. */
export function Approvals() {
  const { may } = useSession();
  const queries = useQueryClient();
  const { data, error } = useAsk('listApprovals', {}, { everyMs: 15_000 });
  const [makes, setMakes] = useState(false);
  const readAgain = (): void => void queries.invalidateQueries({ queryKey: ['listApprovals'] });
  const end = useAct('endApproval', { done: readAgain });
  return (
    <Card
      title="Standing approvals"
      aside={
        <>
          <span className="soft">said once, for installs on blank disks that programs begin later</span>
          {may('approver') && (
            <Button className="spread" size="xs" variant="default" onClick={() => setMakes(true)}>
              New approval…
            </Button>
          )}
        </>
      }
    >
      {error && <Failed error={error} />}
      {data?.items.length === 0 && (
        <p className="soft">
          None: each plan is confirmed by a person. An approver may say beforehand what may be installed on which
          machines, how often and until when.
        </p>
      )}
      {data && data.items.length > 0 && (
        <Wide label="Standing approvals">
          <table className="plain">
            <thead>
              <tr>
                <th scope="col">State</th>
                <th scope="col">What</th>
                <th scope="col">On which machines</th>
                <th scope="col" className="number">
                  Left
                </th>
                <th scope="col">Until</th>
                <th scope="col">By</th>
                <th scope="col">
                  <span className="unseen">End it</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {data.items.map((one) => (
                <tr key={one.id}>
                  <td>
                    <StateMark tone={STATES[one.state].tone}>{STATES[one.state].text}</StateMark>
                  </td>
                  <td>
                    {one.kinds.join(', ')} {one.profile}
                    {one.reason !== undefined && <span className="soft"> ({one.reason})</span>}
                  </td>
                  <td>
                    {[one.class === undefined ? undefined : `class ${one.class}`, one.label].filter(Boolean).join(', ')}
                  </td>
                  <td className="number">
                    {one.left} of {one.machines}
                  </td>
                  <td>
                    <Ago at={one.until} />
                  </td>
                  <td>{one.by}</td>
                  <td className="actions">
                    {one.state === 'open' && may('operator') && (
                      <Button
                        size="compact-xs"
                        variant="default"
                        aria-label={`End the approval of ${one.profile}`}
                        onClick={() => end.mutate({ params: { id: one.id } })}
                      >
                        End it
                      </Button>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Wide>
      )}
      {makes && (
        <NewApproval
          close={() => setMakes(false)}
          made={() => {
            readAgain();
            setMakes(false);
          }}
        />
      )}
    </Card>
  );
}

function NewApproval({ close, made }: { close: () => void; made: () => void }) {
  const profiles = (useAsk('listProfiles').data?.items ?? []).filter(
    ({ writes, os }) => writes === 'planned' && os !== 'agent',
  );
  const classes = useAsk('listClasses').data?.items ?? [];
  const [profile, setProfile] = useState<string | null>(null);
  const [chosenClass, setClass] = useState<string | null>(null);
  const [label, setLabel] = useState('');
  const [machines, setMachines] = useState(1);
  const [days, setDays] = useState(7);
  const [reason, setReason] = useState('');
  const create = useAct('createApproval', {
    quiet: true,
    done: ({ left, profile: what }) => {
      tell(`${what} may be installed ${count(left, 'time')} without another yes.`);
      made();
    },
  });
  const isWhole = profile !== null && (chosenClass !== null || label.trim() !== '');
  return (
    <Modal opened onClose={close} title="New standing approval">
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (!isWhole) return;
          create.mutate({
            body: {
              profile,
              machines,
              days,
              ...(chosenClass === null ? {} : { class: chosenClass }),
              ...(label.trim() === '' ? {} : { label: label.trim() }),
              ...(reason.trim() === '' ? {} : { reason: reason.trim() }),
            },
          });
        }}
      >
        <p>Programs may then install without asking again, on machines whose disks are blank, and on no others.</p>
        <Select
          label="What is installed"
          data={profiles.map((one) => one.name)}
          value={profile}
          onChange={setProfile}
          required
        />
        <Select
          label="On machines of the class"
          data={classes.map((one) => one.name)}
          value={chosenClass}
          onChange={setClass}
          clearable
        />
        <TextInput
          label="And with the labels"
          description="At least a class or labels: an approval for all machines is none."
          placeholder="rack=r1"
          value={label}
          onChange={({ currentTarget: { value } }) => setLabel(value)}
          spellCheck={false}
        />
        <div className="row">
          <NumberInput
            label="So many times"
            min={1}
            max={1000}
            allowDecimal={false}
            value={machines}
            onChange={(value) => setMachines(Number(value) || 1)}
            hideControls
          />
          <NumberInput
            label="For so many days"
            min={1}
            max={MAX_APPROVAL_DAYS}
            value={days}
            onChange={(value) => setDays(Number(value) || 1)}
            hideControls
          />
        </div>
        <TextInput
          label="Reason"
          description="For whoever reads the audit log."
          value={reason}
          onChange={({ currentTarget: { value } }) => setReason(value)}
        />
        {create.error && <Failed error={create.error} />}
        <div className="row">
          <Button variant="default" onClick={close}>
            Leave it
          </Button>
          <Button type="submit" className="spread" disabled={!isWhole} loading={create.isPending}>
            Approve
          </Button>
        </div>
      </form>
    </Modal>
  );
}
