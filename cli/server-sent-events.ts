/** One message of a stream (WHATWG HTML §9.2.6). One without data only carries its id. */
export type ServerSentEvent = { readonly id: string | undefined; readonly data: string | undefined };

/** More than any one message of ours. */
const MAX_MESSAGE = 16 << 20;

/** Messages as they come. Ends with the stream; throws when the connection breaks. */
export async function* serverSentEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerSentEvent> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true });
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      yield parseMessage(text.slice(0, end));
      text = text.slice(end + 2);
    }
    if (text.length > MAX_MESSAGE) throw new Error('a message of the stream is too long');
  }
}

function parseMessage(text: string): ServerSentEvent {
  let id: string | undefined;
  const data: string[] = [];
  for (const line of text.split('\n')) {
    const [, field = '', value = ''] = /^([^:]+)(?::\s?(.*))?$/.exec(line) ?? [];
    if (field === 'id') id = value;
    if (field === 'data') data.push(value);
  }
  return { id, data: data.length > 0 ? data.join('\n') : undefined };
}
