import { useRouter } from '@tanstack/react-router';
import type { ComponentProps, MouseEvent } from 'react';

/**
 * To the page of a machine. The router’s own Link asks at each change of the address whether it is the current one: of
 * thousands of machines that is felt, and none of them ever is.
 */
export function MachineLink({ name, ...rest }: { name: string } & Omit<ComponentProps<'a'>, 'href' | 'onClick'>) {
  const router = useRouter();
  const go = (event: MouseEvent): void => {
    // Another tab, another window, a download: the browser’s business.
    if (
      event.defaultPrevented ||
      event.button !== 0 ||
      event.metaKey ||
      event.ctrlKey ||
      event.shiftKey ||
      event.altKey
    )
      return;
    event.preventDefault();
    void router.navigate({ to: '/machines/$name', params: { name } });
  };
  return <a {...rest} href={`/machines/${encodeURIComponent(name)}`} onClick={go} />;
}
