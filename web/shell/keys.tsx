import { Modal } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { isTyping } from './typing.ts';

const OPEN = 'ingot:keys';
export const showKeys = (): void => void dispatchEvent(new Event(OPEN));

/** `g` and then a letter goes to a screen. */
const PLACES = {
  r: { to: '/', text: 'Rack' },
  m: { to: '/machines', text: 'Machines' },
  d: { to: '/discovery', text: 'Discovery' },
  j: { to: '/jobs', text: 'Jobs' },
  i: { to: '/images', text: 'Images' },
  p: { to: '/profiles', text: 'Profiles' },
  c: { to: '/clusters', text: 'Clusters' },
  n: { to: '/network', text: 'Network' },
} as const;
type Letter = keyof typeof PLACES;
const LETTERS = Object.keys(PLACES);
const isLetter = (key: string): key is Letter => LETTERS.includes(key);

/** A second key counts as the one after `g` for so long. */
const WAIT_MS = 1500;

/** The keys of the page, and what `?` shows of them. */
export function Keys() {
  const [isOpen, setOpen] = useState(false);
  const navigate = useNavigate();
  useEffect(() => {
    let wentAt = Number.NEGATIVE_INFINITY;
    const open = (): void => setOpen(true);
    const key = (event: KeyboardEvent): void => {
      if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
      const pressed = event.key.toLowerCase();
      if (event.timeStamp - wentAt < WAIT_MS && isLetter(pressed)) {
        event.preventDefault();
        wentAt = Number.NEGATIVE_INFINITY;
        setOpen(false);
        void navigate({ to: PLACES[pressed].to });
      } else if (event.key === '?') {
        event.preventDefault();
        setOpen(true);
      } else if (pressed === 'g') wentAt = event.timeStamp;
    };
    addEventListener(OPEN, open);
    addEventListener('keydown', key);
    return () => {
      removeEventListener(OPEN, open);
      removeEventListener('keydown', key);
    };
  }, [navigate]);
  return (
    <Modal opened={isOpen} onClose={() => setOpen(false)} title="Keys" transitionProps={{ duration: 80 }}>
      <dl className="keys">
        <Key
          keys={['/']}
          also={['Ctrl', 'K']}
          text="Search everything: machines by any identifier, jobs, images, leases"
        />
        <Key keys={['?']} text="This list" />
        {Object.entries(PLACES).map(([letter, { text }]) => (
          <Key key={letter} keys={['g', letter]} text={`To ${text}`} />
        ))}
        <Key keys={['Tab']} text="To the next thing; Shift-Tab back, and out of a console" />
        <Key keys={['Esc']} text="Close what is open; nothing is done" />
      </dl>
    </Modal>
  );
}

function Key({ keys, also, text }: { keys: readonly string[]; also?: readonly string[]; text: string }) {
  return (
    <div>
      <dt>
        {keys.map((one) => (
          <kbd key={one}>{one}</kbd>
        ))}
        {also && (
          <>
            {' or '}
            {also.map((one) => (
              <kbd key={one}>{one}</kbd>
            ))}
          </>
        )}
      </dt>
      <dd>{text}</dd>
    </div>
  );
}
