import { type RefObject, useEffect, useRef, useState } from 'react';

/** So far off the screen something is drawn already. */
const MARGIN = '900px 0px';

/**
 * Whether an element is on the screen, or nearly: ten thousand machines are not drawn at once. While it is far, it keeps
 * the height that it had, so that nothing jumps.
 */
export function useNear<E extends HTMLElement>(): {
  readonly place: RefObject<E | null>;
  readonly isNear: boolean;
  readonly height: number | undefined;
} {
  const place = useRef<E>(null);
  const [state, setState] = useState<{ isNear: boolean; height: number | undefined }>({
    isNear: false,
    height: undefined,
  });
  useEffect(() => {
    const element = place.current;
    if (!element) return undefined;
    const observer = new IntersectionObserver(
      ([entry]) => {
        if (!entry) return;
        setState((before) =>
          entry.isIntersecting === before.isNear
            ? before
            : {
                isNear: entry.isIntersecting,
                height: entry.isIntersecting ? before.height : entry.boundingClientRect.height,
              },
        );
      },
      { rootMargin: MARGIN },
    );
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return { place, ...state };
}
