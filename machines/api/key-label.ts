/**
 * The machine API's files label an ed25519 key `ED25519 PRIVATE KEY`, although what is in it is PKCS#8. OpenSSL wants
 * `PRIVATE KEY` there and refuses the other.
 */
export const readableKey = (pem: string): string =>
  pem.replaceAll(/(BEGIN|END) ED25519 PRIVATE KEY/g, '$1 PRIVATE KEY');

/** How the stock tools want to find an ed25519 key (PKCS#8 in PEM). */
export const labelledKey = (pem: string): string =>
  pem.replaceAll(/(BEGIN|END) PRIVATE KEY/g, '$1 ED25519 PRIVATE KEY');
