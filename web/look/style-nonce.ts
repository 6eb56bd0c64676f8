/** The word by which the policy of this page knows style sheets that the page writes itself; fresh for each load. */
const nonce = document.querySelector<HTMLElement>('script[nonce]')?.nonce ?? '';
// react-remove-scroll, which keeps the page still behind a dialog, looks here (get-nonce).
Object.assign(globalThis, { __webpack_nonce__: nonce });

export const styleNonce = (): string => nonce;

/** This document, but its new style sheets carry the nonce: xterm knows no other way. */
export function documentWithNonce(): Document {
  return new Proxy(document, {
    get(target, key) {
      if (key === 'createElement') {
        return (name: string): HTMLElement => {
          const element = target.createElement(name);
          if (name === 'style') element.nonce = nonce;
          return element;
        };
      }
      const value: unknown = Reflect.get(target, key);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
