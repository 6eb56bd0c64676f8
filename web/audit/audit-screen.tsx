import { TextInput } from '@mantine/core';
import { useState } from 'react';
import { useAsk } from '../api/queries.ts';
import { when } from '../look/format.ts';
import { Card, Claimed, Empty, Failed, ScreenHead, Wide } from '../look/parts.tsx';
import { useSession } from '../shell/session.ts';
import { auditText } from './audit-text.ts';

/** Who changed what, newest first. */
export function AuditScreen() {
  const { may } = useSession();
  const { data, error } = useAsk('listAudit', { query: { limit: 1000 } }, { enabled: may('admin'), everyMs: 10_000 });
  const [text, setText] = useState('');
  const wanted = text.trim().toLowerCase();
  const shown = (data?.items ?? []).filter((one) =>
    `${one.who} ${one.action} ${one.target} ${one.detail}`.toLowerCase().includes(wanted),
  );
  return (
    <>
      <ScreenHead title="Audit log" about="Every change, and who made it.">
        <TextInput
          aria-label="Search the audit log"
          placeholder="Who, what, where"
          value={text}
          onChange={({ currentTarget: { value } }) => setText(value)}
          spellCheck={false}
        />
      </ScreenHead>
      {!may('admin') && <p className="note">The audit log is for admins.</p>}
      {error && <Failed error={error} />}
      {data && (
        <Card>
          {shown.length === 0 ? (
            <Empty title={wanted === '' ? 'Nothing has been changed yet' : 'Nothing matches'}>
              <p>In a terminal: ingot audit</p>
            </Empty>
          ) : (
            <Wide label="Audit log">
              <table className="plain">
                <thead>
                  <tr>
                    <th scope="col">When</th>
                    <th scope="col">Who</th>
                    <th scope="col">What</th>
                  </tr>
                </thead>
                <tbody>
                  {shown.map((one, index) => (
                    // oxlint-disable-next-line react/no-array-index-key -- two entries of one moment may be alike
                    <tr key={`${one.at} ${index}`}>
                      <td className="mono" style={{ whiteSpace: 'nowrap' }}>
                        {when(one.at)}
                      </td>
                      <td>
                        <Claimed>{one.who}</Claimed>
                      </td>
                      <td>
                        <Claimed>{auditText(one)}</Claimed>
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </Wide>
          )}
        </Card>
      )}
    </>
  );
}
