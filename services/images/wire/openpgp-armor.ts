const BLOCK =
  /-----BEGIN PGP [A-Z ]+-----\r?\n((?:[^\r\n]+\r?\n)*)\r?\n([A-Za-z0-9+/=\s]+?)(?:\r?\n=[A-Za-z0-9+/]{4})?\s*-----END PGP/g;

/**
 * The bytes of an armoured OpenPGP block (RFC 9580 §6), of several one after the other; what is not armoured is given
 * back as it is. The checksum is not looked at: it is optional, and a damaged key or signature proves nothing.
 */
export function dearmor(bytes: Uint8Array): Uint8Array {
  const text = new TextDecoder('latin1').decode(bytes);
  if (!text.includes('-----BEGIN PGP')) return bytes;
  const blocks = [...text.matchAll(BLOCK)].map(([, , body = '']) => fromBase64(body.replace(/\s+/g, '')));
  const whole = new Uint8Array(blocks.reduce((sum, block) => sum + block.length, 0));
  let at = 0;
  for (const block of blocks) {
    whole.set(block, at);
    at += block.length;
  }
  return whole;
}

/** What is no base64 gives nothing. */
export function fromBase64(text: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  } catch {
    return new Uint8Array(0);
  }
}
