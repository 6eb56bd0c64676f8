/** Somebody types text: a key is a letter then, and no order. */
export const isTyping = ({ target }: Event): boolean =>
  target instanceof HTMLElement &&
  (/^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || target.isContentEditable || target.closest('.xterm') !== null);
