import { ActionIcon, Burger, Drawer, Menu, Tooltip, UnstyledButton, useMantineColorScheme } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { Link, Outlet, useRouterState } from '@tanstack/react-router';
import { lazy, Suspense, useEffect, useRef } from 'react';
import { useFleet } from '../api/fleet.ts';
import { ask } from '../api/daemon.ts';
import { useAsk } from '../api/queries.ts';
import { Icon, type IconName } from '../look/icons.tsx';
import { standingOf } from '../look/machine-state.ts';
import { Keys, showKeys } from './keys.tsx';
import { ConnectionMark } from './connection.tsx';
import { SearchButton, SearchEverything } from './search.tsx';
import { useSession } from './session.ts';

const NewPassword = lazy(async () => ({ default: (await import('../access/new-password.tsx')).NewPassword }));

type Place = { readonly to: string; readonly icon: IconName; readonly text: string };
const PLACES: readonly Place[] = [
  { to: '/', icon: 'rack', text: 'Rack' },
  { to: '/machines', icon: 'list', text: 'Machines' },
  { to: '/discovery', icon: 'discover', text: 'Discovery' },
  { to: '/jobs', icon: 'jobs', text: 'Jobs' },
  { to: '/images', icon: 'image', text: 'Images' },
  { to: '/profiles', icon: 'profile', text: 'Profiles' },
  { to: '/clusters', icon: 'cluster', text: 'Clusters' },
  { to: '/network', icon: 'network', text: 'Network' },
  { to: '/charts', icon: 'chart', text: 'Charts' },
  { to: '/webhooks', icon: 'webhook', text: 'Webhooks' },
  { to: '/audit', icon: 'audit', text: 'Audit log' },
  { to: '/access', icon: 'person', text: 'Access' },
];

/** What stands around every screen. */
export function Frame() {
  const [isOpen, drawer] = useDisclosure(false);
  const main = useRef<HTMLElement>(null);
  const path = useRouterState({ select: ({ location }) => location.pathname });
  const first = useRef(true);
  useEffect(() => {
    drawer.close();
    // A reader of the screen goes on where the new screen begins; the first one begins at its top anyway.
    if (!first.current) main.current?.focus({ preventScroll: true });
    first.current = false;
    scrollTo({ top: 0 });
    // oxlint-disable-next-line react-hooks/exhaustive-deps -- another screen, and nothing else
  }, [path]);

  return (
    <div className="frame">
      <a className="skip" href="#main" onClick={() => main.current?.focus()}>
        Skip to the content
      </a>
      <header className="top">
        <Burger className="narrow" opened={isOpen} onClick={drawer.toggle} size="sm" aria-label="Menu" />
        <Link to="/" className="brand">
          <img src={new URL('../look/icon.svg', import.meta.url).href} alt="" width={26} height={26} />
          Ingot
        </Link>
        <Site />
        <SearchButton />
        <ConnectionMark />
        <Scheme />
        <Person />
      </header>
      <nav className="side wide" aria-label="Screens">
        <Places />
      </nav>
      <Drawer opened={isOpen} onClose={drawer.close} title="Ingot" size="16rem" className="narrow">
        <nav className="side" aria-label="Screens">
          <Places />
        </nav>
      </Drawer>
      <main id="main" ref={main} tabIndex={-1}>
        <Outlet />
      </main>
      <SearchEverything />
      <Keys />
    </div>
  );
}

function Places() {
  const { machines, jobs } = useFleet();
  const waiting = machines.filter((one) => standingOf(one, undefined).state === 'waiting').length;
  const counts: Readonly<Record<string, { readonly count: number; readonly what: string }>> = {
    '/discovery': { count: waiting, what: 'waiting' },
    '/jobs': { count: jobs.size, what: 'under way' },
  };
  return (
    <ul>
      {PLACES.map(({ to, icon, text }) => {
        const counted = counts[to];
        return (
          <li key={to}>
            <Link to={to} activeOptions={{ exact: to === '/' }} className="place">
              <Icon name={icon} />
              {text}
              {counted && counted.count > 0 && (
                <span className="count" data-tone={to === '/discovery' ? 'wait' : 'busy'}>
                  {counted.count}
                  <span className="unseen"> {counted.what}</span>
                </span>
              )}
            </Link>
          </li>
        );
      })}
    </ul>
  );
}

function Site() {
  const { data } = useAsk('getStatus', {}, { everyMs: 60_000 });
  const isSimulated = useFleet().machines.some(({ labels }) => labels['simulated'] === 'true');
  return (
    <>
      {data && data.site !== 'default' && <span className="soft site">{data.site}</span>}
      {isSimulated && (
        <Tooltip
          label="These machines are software that speaks real DHCP, TFTP and HTTP to this daemon. For real ones: sudo npx ingot serve --interface eth1"
          multiline
          w={300}
        >
          <span className="simulated" tabIndex={0}>
            simulated rack
          </span>
        </Tooltip>
      )}
    </>
  );
}

function Scheme() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const dark = colorScheme === 'dark' || (colorScheme === 'auto' && matchMedia('(prefers-color-scheme: dark)').matches);
  const label = dark ? 'Light colours' : 'Dark colours';
  return (
    <Tooltip label={label}>
      <ActionIcon
        variant="subtle"
        color="gray"
        size="lg"
        aria-label={label}
        onClick={() => setColorScheme(dark ? 'light' : 'dark')}
      >
        <Icon name={dark ? 'sun' : 'moon'} />
      </ActionIcon>
    </Tooltip>
  );
}

function Person() {
  const { name, user, role } = useSession();
  const { data } = useAsk('getStatus');
  const [isChanging, password] = useDisclosure(false);
  return (
    <>
      <Menu position="bottom-end" withinPortal>
        <Menu.Target>
          <UnstyledButton className="person" aria-label={`${name}, ${role}: menu`}>
            <Icon name="person" />
          </UnstyledButton>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label>
            {name}, {role}
          </Menu.Label>
          {data && <Menu.Label>Ingot {data.version}</Menu.Label>}
          <Menu.Item onClick={showKeys} rightSection={<kbd>?</kbd>}>
            Keys
          </Menu.Item>
          {user !== undefined && <Menu.Item onClick={password.open}>Your password…</Menu.Item>}
          <Menu.Item
            onClick={() => {
              void ask('endSession').then(() => location.assign('/'));
            }}
          >
            Sign out
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {isChanging && user !== undefined && (
        <Suspense>
          <NewPassword user={user} isOwn close={password.close} />
        </Suspense>
      )}
    </>
  );
}
