import { Link } from '@tanstack/react-router';
import { useAsk } from '../api/queries.ts';
import { useFleet } from '../api/fleet.ts';
import { count } from '../look/format.ts';
import { EditDocument } from '../documents/edit-document.tsx';
import { Card, Code, Empty, Failed, Mono, ScreenHead, StateMark, Wide } from '../look/parts.tsx';

const EXAMPLE = `kind: Profile
name: rescue
os: kernel
when: always        # a live system, on every start
writes: none        # it writes no disks
image: rescue
args: [console=ttyS0]`;

/** What machines boot, and which class picks what. */
export function ProfilesScreen() {
  const profiles = useAsk('listProfiles');
  const classes = useAsk('listClasses');
  const { machines } = useFleet();
  const uses = new Map<string, number>();
  for (const { profile } of machines) if (profile !== undefined) uses.set(profile, (uses.get(profile) ?? 0) + 1);
  return (
    <>
      <ScreenHead
        title="Profiles"
        about="What to run on a machine, whether always or once, and whether it may write disks."
      >
        <EditDocument kind="Profile" text="New profile…" size="sm" />
        <EditDocument kind="Class" text="New class…" size="sm" />
      </ScreenHead>
      <div className="stack">
        {profiles.error && <Failed error={profiles.error} />}
        {profiles.data && (
          <Card title="Profiles">
            <Wide label="Profiles">
              <table className="plain">
                <thead>
                  <tr>
                    <th scope="col">Name</th>
                    <th scope="col">System</th>
                    <th scope="col">When</th>
                    <th scope="col">Disks</th>
                    <th scope="col">Image</th>
                    <th scope="col" className="number">
                      Machines
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {profiles.data.items.map((one) => (
                    <tr key={one.name}>
                      <td>
                        <Link to="/profiles/$name" params={{ name: one.name }}>
                          <strong>{one.name}</strong>
                        </Link>
                        {one.labels['ingot/built-in'] === 'true' && <span className="soft"> built in</span>}
                      </td>
                      <td>{one.os}</td>
                      <td>{one.when === 'always' ? 'on every start' : 'once, under a grant'}</td>
                      <td>
                        {one.writes === 'none' ? (
                          <StateMark tone="good">writes none</StateMark>
                        ) : (
                          <StateMark tone="wait">after a plan</StateMark>
                        )}
                      </td>
                      <td>{one.image}</td>
                      <td className="number">{uses.get(one.name) ?? 0}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </Wide>
          </Card>
        )}
        {classes.data && (
          <Card
            title="Classes"
            aside={<span className="soft">pick a profile by facts and labels; the highest priority wins</span>}
          >
            {classes.data.items.length === 0 ? (
              <Empty title="No classes">
                <p>Each machine boots what its own document says. A class says it for many.</p>
              </Empty>
            ) : (
              <Wide label="Classes">
                <table className="plain">
                  <thead>
                    <tr>
                      <th scope="col">Name</th>
                      <th scope="col">Matches</th>
                      <th scope="col">Profile</th>
                      <th scope="col" className="number">
                        Priority
                      </th>
                      <th scope="col">Accepts by itself</th>
                      <th scope="col">
                        <span className="unseen">Change</span>
                      </th>
                    </tr>
                  </thead>
                  <tbody>
                    {classes.data.items.map((one) => (
                      <tr key={one.name}>
                        <td>
                          <strong>{one.name}</strong>
                        </td>
                        <td>
                          <Mono>
                            {[
                              ...Object.entries(one.match.facts).map(([key, value]) => `${key} ${value}`),
                              ...Object.entries(one.match.labels).map(([key, value]) => `${key}=${value}`),
                            ].join(', ') || 'everything'}
                          </Mono>
                        </td>
                        <td>
                          <Link to="/profiles/$name" params={{ name: one.profile }}>
                            {one.profile}
                          </Link>
                        </td>
                        <td className="number">{one.priority}</td>
                        <td>{one.accept ? 'yes' : 'no'}</td>
                        <td className="actions">
                          <EditDocument kind="Class" name={one.name} />
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </Wide>
            )}
          </Card>
        )}
        <Card
          title="How to make one"
          aside={<span className="soft">{count(profiles.data?.items.length ?? 0, 'profile')} so far</span>}
        >
          <div className="stack">
            <p>By “New profile” above; or write it in a file, see what would change, apply it:</p>
            <Code>{EXAMPLE}</Code>
            <Code>{'ingot diff -f rescue.yaml\ningot apply -f rescue.yaml'}</Code>
          </div>
        </Card>
      </div>
    </>
  );
}
