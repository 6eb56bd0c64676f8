import { Cursor, textBytes, Writer } from './cursor.ts';
import { quoted, type Shape, UNBOUNDED } from './shape.ts';

/**
 * Option 77. RFC 3004 wants a list of length-prefixed classes; iPXE and gPXE send their name with no length at all
 * (`iPXE`), and so do Windows clients. The form is told by whether the lengths add up exactly: a name would need a
 * first letter that is by chance its own length less one.
 */
export type UserClass = { readonly form: 'list' | 'raw'; readonly classes: readonly string[] };

export const userClass: Shape<UserClass> = {
  min: 1,
  max: UNBOUNDED,
  step: 1,
  read: (cursor) => {
    const whole = cursor.bytes(cursor.left);
    const classes = readList(new Cursor(whole));
    if (classes) return { form: 'list', classes };
    const all = new Cursor(whole).text(whole.length);
    return { form: 'raw', classes: [all.replace(/\0+$/, '')] };
  },
  write: ({ form, classes }) => {
    if (form === 'raw') return textBytes(classes.join(''));
    const encoded = classes.map(textBytes);
    const writer = new Writer(encoded.reduce((sum, one) => sum + 1 + one.length, 0));
    for (const one of encoded) {
      writer.u8(one.length);
      writer.copy(one);
    }
    return writer.bytes;
  },
  show: ({ form, classes }) => `${classes.map(quoted).join(', ')}${form === 'raw' ? ' (raw)' : ''}`,
};

function readList(cursor: Cursor): readonly string[] | undefined {
  const classes: string[] = [];
  while (cursor.left > 0) {
    const length = cursor.u8();
    // RFC 3004 §4: a class has at least one byte.
    if (length === 0 || length > cursor.left) return undefined;
    classes.push(cursor.text(length));
  }
  return classes;
}
