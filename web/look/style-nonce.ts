/** The word by which the policy of this page knows style sheets that the page writes itself; fresh for each load. */
const nonce = document.querySelector<HTMLElement>('script[nonce]')?.nonce ?? '';
export const styleNonce = (): string => nonce;

/**
 * Mantine takes the nonce as a parameter. What keeps the page still behind a dialog (react-remove-scroll) and the
 * terminal (xterm 6) write style sheets as well, and xterm in places that no option of it reaches: so each that a
 * script of ours makes carries it. Nothing that is read as HTML does.
 */
const create = document.createElement.bind(document);
document.createElement = (name: string, options?: ElementCreationOptions): HTMLElement => {
  const element = create(name, options);
  if (name === 'style') element.nonce = nonce;
  return element;
};
