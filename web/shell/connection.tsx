import { createContext, useContext, useSyncExternalStore } from 'react';
import type { Connection, Watch } from '../api/watch.ts';
import type { Tone } from '../look/machine-state.ts';
import { StateMark } from '../look/parts.tsx';

export const WatchContext = createContext<Watch | undefined>(undefined);

const WORDS: Readonly<Record<Connection, { readonly tone: Tone; readonly text: string }>> = {
  connecting: { tone: 'quiet', text: 'connecting' },
  live: { tone: 'good', text: 'live' },
  lost: { tone: 'bad', text: 'connection lost, trying again' },
};

/** Whether what is seen is how things are. */
export function ConnectionMark() {
  const watch = useContext(WatchContext);
  const connection = useSyncExternalStore(
    (changed) => watch?.subscribe(changed) ?? (() => {}),
    () => watch?.snapshot() ?? 'connecting',
  );
  const { tone, text } = WORDS[connection];
  return (
    <span className="connection" role="status">
      <StateMark tone={tone}>{text}</StateMark>
    </span>
  );
}
