import { Modal, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useNavigate } from '@tanstack/react-router';
import { type KeyboardEvent, useEffect, useId, useMemo, useState } from 'react';
import { useFleet } from '../api/fleet.ts';
import { useAsk } from '../api/queries.ts';
import { Icon } from '../look/icons.tsx';
import { standingOf } from '../look/machine-state.ts';
import { haystackOf } from '../machines/filter.ts';
import { isTyping } from './typing.ts';

const OPEN = 'ingot:search';
const MAX_FOUND = 50;

/** Opened by Ctrl-K, by `/`, or by this. */
export function SearchButton() {
  return (
    <button
      type="button"
      className="search-button"
      aria-keyshortcuts="Control+K /"
      onClick={() => dispatchEvent(new Event(OPEN))}
    >
      <Icon name="search" size={16} />
      <span>Search everything</span>
      <kbd aria-hidden="true">Ctrl K</kbd>
    </button>
  );
}

type Found = { readonly kind: string; readonly text: string; readonly about: string; readonly to: string };

const SCREENS: readonly Found[] = [
  ['Rack', '/', 'machines where they stand'],
  ['Machines', '/machines', 'all of them in a list'],
  ['Discovery', '/discovery', 'who asked and was not accepted; find BMCs'],
  ['Jobs', '/jobs', 'install, wipe, inspect'],
  ['Images', '/images', 'files and uploads'],
  ['Profiles', '/profiles', 'what machines boot; classes'],
  ['Clusters', '/clusters', 'Talos and Kubernetes'],
  ['Network', '/network', 'subnets and leases'],
  ['Charts', '/charts', 'boots, DHCP, TFTP, BMCs'],
  ['Webhooks', '/webhooks', 'programs that are told what happens'],
  ['Audit log', '/audit', 'who changed what'],
  ['Access', '/access', 'users and tokens'],
].map(([text = '', to = '', about = '']) => ({ kind: 'Screen', text, to, about }));

/** Everything by a key: machines, jobs, images, profiles, clusters, leases, screens. */
export function SearchEverything() {
  const [isOpen, setOpen] = useState(false);
  useEffect(() => {
    const open = (): void => setOpen(true);
    const key = (event: globalThis.KeyboardEvent): void => {
      const wanted =
        (event.key.toLowerCase() === 'k' && (event.ctrlKey || event.metaKey)) ||
        (event.key === '/' && !isTyping(event) && !event.ctrlKey && !event.altKey);
      if (!wanted) return;
      event.preventDefault();
      setOpen(true);
    };
    addEventListener(OPEN, open);
    addEventListener('keydown', key);
    return () => {
      removeEventListener(OPEN, open);
      removeEventListener('keydown', key);
    };
  }, []);
  return (
    <Modal
      opened={isOpen}
      onClose={() => setOpen(false)}
      title="Search everything"
      size="lg"
      centered={false}
      transitionProps={{ duration: 80 }}
    >
      {isOpen && <Search close={() => setOpen(false)} />}
    </Modal>
  );
}

function Search({ close }: { close: () => void }) {
  const [typed, setTyped] = useState('');
  const [chosen, setChosen] = useState(0);
  const navigate = useNavigate();
  const list = useId();
  const found = useFound(typed.trim().toLowerCase());
  const at = Math.min(chosen, Math.max(0, found.length - 1));
  const optionId = (index: number): string => `${list}-${index}`;

  const go = (one: Found | undefined): void => {
    if (!one) return;
    close();
    void navigate({ to: one.to });
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (step !== 0) {
      event.preventDefault();
      const next = (at + step + found.length) % Math.max(1, found.length);
      setChosen(next);
      document.getElementById(optionId(next))?.scrollIntoView({ block: 'nearest' });
    } else if (event.key === 'Enter') {
      event.preventDefault();
      go(found[at]);
    }
  };

  return (
    <>
      <TextInput
        data-autofocus
        aria-label="Name, MAC, address, serial, model, job, image"
        placeholder="Name, MAC, address, serial, model, job, image…"
        value={typed}
        onChange={({ currentTarget }) => {
          setTyped(currentTarget.value);
          setChosen(0);
        }}
        onKeyDown={onKeyDown}
        role="combobox"
        aria-expanded
        aria-controls={list}
        aria-activedescendant={found.length > 0 ? optionId(at) : undefined}
        autoComplete="off"
        spellCheck={false}
        size="md"
      />
      <p className="unseen" role="status">
        {found.length === 0 ? 'nothing found' : `${found.length} found`}
      </p>
      <div id={list} className="search-list" role="listbox" aria-label="Found">
        {found.map((one, index) => (
          // oxlint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/interactive-supports-focus -- the field above has the keys
          <div
            key={`${one.kind} ${one.to} ${one.text}`}
            id={optionId(index)}
            role="option"
            aria-selected={index === at}
            onClick={() => go(one)}
            onMouseMove={() => setChosen(index)}
          >
            <span className="kind">{one.kind}</span>
            <span>{one.text}</span>
            <span className="about">{one.about}</span>
          </div>
        ))}
      </div>
      {found.length === 0 && <p className="soft">Nothing matches. Machines are found by any of their identifiers.</p>}
    </>
  );
}

function useFound(text: string): readonly Found[] {
  const { machines, jobs } = useFleet();
  const [later] = useDebouncedValue(text, 200);
  const profiles = useAsk('listProfiles').data?.items;
  const images = useAsk('listImageStates').data?.items;
  const clusters = useAsk('listClusters').data?.items;
  const leases = useAsk('listLeases', { query: { search: later, limit: 20 } }, { enabled: later.length > 1 }).data
    ?.items;
  return useMemo(() => {
    const has = (...words: readonly (string | undefined)[]): boolean =>
      words.some((word) => word?.toLowerCase().includes(text));
    const found: Found[] = [];
    if (text !== '') {
      for (const machine of machines) {
        if (found.length >= MAX_FOUND) break;
        if (!haystackOf(machine).includes(text)) continue;
        const about = standingOf(machine, jobs.get(machine.name)).label;
        found.push({ kind: 'Machine', text: machine.name, about, to: `/machines/${machine.name}` });
      }
    }
    found.push(...SCREENS.filter((one) => has(one.text, one.about)));
    if (text === '') return found;
    for (const one of profiles ?? []) {
      if (has(one.name, one.os))
        found.push({ kind: 'Profile', text: one.name, about: one.os, to: `/profiles/${one.name}` });
    }
    for (const one of images ?? []) {
      if (has(one.name, one.arch)) found.push({ kind: 'Image', text: one.name, about: one.state, to: '/images' });
    }
    for (const one of jobs.values()) {
      if (has(one.id, one.kind, one.machine))
        found.push({ kind: 'Job', text: `${one.kind} ${one.machine}`, about: one.state, to: `/jobs/${one.id}` });
    }
    for (const one of clusters ?? []) {
      if (has(one.name, one.endpoint))
        found.push({ kind: 'Cluster', text: one.name, about: `Talos ${one.talos}`, to: `/clusters/${one.name}` });
    }
    for (const one of leases ?? []) {
      const about = one.machine ?? one.mac ?? one.key;
      found.push({ kind: 'Lease', text: one.address, about, to: `/network?search=${one.address}` });
    }
    return found.slice(0, MAX_FOUND);
  }, [text, machines, jobs, profiles, images, clusters, leases]);
}
