import type { Answer, JsonObject } from './answer.ts';

/** Keys of the Base registry (DSP8011) that are used here: their text, with arguments, and what to do. */
const BASE = {
  Success: ['The request completed successfully.', 'OK', 'None.'],
  GeneralError: ['A general error has occurred.', 'Critical', 'See the log of the service.'],
  MalformedJSON: ['The request body was not valid JSON.', 'Critical', 'Correct the body and try again.'],
  ResourceMissingAtURI: ['The resource at %1 was not found.', 'Critical', 'Correct the path and try again.'],
  NoValidSession: ['There is no valid session.', 'Critical', 'Log in and try again.'],
  InsufficientPrivilege: ['The account may not do that.', 'Critical', 'Use another account.'],
  ResourceAtUriUnauthorized: ['User name or password at %1 are wrong.', 'Critical', 'Use the right ones.'],
  PasswordChangeRequired: ['The password of %1 must be changed first.', 'Critical', 'PATCH the account.'],
  SessionLimitExceeded: ['No session is free.', 'Critical', 'Log out of another session and try again.'],
  ServiceTemporarilyUnavailable: ['The service is not ready. Try again in %1 seconds.', 'Critical', 'Wait.'],
  PropertyUnknown: ['The property %1 is not known.', 'Warning', 'Remove it and try again.'],
  PropertyNotWritable: ['The property %1 is read-only.', 'Warning', 'Remove it and try again.'],
  PropertyMissing: ['The property %1 must be there.', 'Warning', 'Add it and try again.'],
  PropertyValueTypeError: ['The value of the property %1 is of the wrong type.', 'Warning', 'Correct it.'],
  PropertyValueNotInList: ['The value %1 of the property %2 is not allowed.', 'Warning', 'Choose an allowed one.'],
  PropertyValueFormatError: ['The value of the property %1 has the wrong form.', 'Warning', 'Correct it.'],
  ActionNotSupported: ['The action %1 is not supported.', 'Critical', 'See the actions of the resource.'],
  ActionParameterMissing: ['The action %1 wants the parameter %2.', 'Critical', 'Add it and try again.'],
  ActionParameterNotSupported: ['The parameter %1 of %2 is not supported.', 'Warning', 'Remove it.'],
  ActionParameterValueNotInList: ['The value %1 of the parameter %2 is not allowed.', 'Warning', 'Choose another.'],
  ActionParameterValueConflict: ['The value %1 of the parameter %2 conflicts with the state.', 'Warning', 'Wait.'],
  PreconditionFailed: ['The ETag did not match.', 'Critical', 'GET the resource and try again.'],
  PreconditionRequired: ['An If-Match header is required.', 'Critical', 'Send one and try again.'],
  QueryNotSupported: ['Query parameters are not supported.', 'Warning', 'Remove them.'],
  QueryNotSupportedOnResource: ['The query %1 is not supported here.', 'Warning', 'Remove it.'],
  OperationNotAllowed: ['The HTTP method is not allowed here.', 'Critical', 'Use one of Allow.'],
  ResourceAlreadyExists: ['A resource of that name is there already.', 'Critical', 'Choose another name.'],
  UnableToModifyDuringSystemPOST: ['Not while the system tests itself.', 'Warning', 'Wait until it has booted.'],
} as const satisfies Record<string, readonly [string, 'OK' | 'Warning' | 'Critical', string]>;
export type MessageKey = keyof typeof BASE;

/** Arguments may be whatever a client sent. */
export function extendedInfo(key: MessageKey, ...values: readonly unknown[]): JsonObject {
  const [text, severity, resolution] = BASE[key];
  const args = values.map((value) => (typeof value === 'string' ? value : (JSON.stringify(value) ?? '')));
  return {
    '@odata.type': '#Message.v1_1_2.Message',
    MessageId: `Base.1.18.${key}`,
    Message: args.reduce((filled: string, value, index) => filled.replace(`%${index + 1}`, value), text),
    MessageArgs: args,
    Severity: severity,
    MessageSeverity: severity,
    Resolution: resolution,
  };
}

/** DSP0266 "Error responses". `related` names the properties that it is about. */
export function refusal(
  status: number,
  key: MessageKey,
  args: readonly unknown[] = [],
  options: { readonly related?: readonly string[]; readonly headers?: Readonly<Record<string, string>> } = {},
): Answer {
  const { related, headers } = options;
  const info: JsonObject = {
    ...extendedInfo(key, ...args),
    ...(related ? { RelatedProperties: related.map((name) => `#/${name.replaceAll('.', '/')}`) } : {}),
  };
  return {
    status,
    ...(headers ? { headers } : {}),
    body: { error: { code: info['MessageId'], message: info['Message'], '@Message.ExtendedInfo': [info] } },
  };
}

export const tooLow = (): Answer => refusal(403, 'InsufficientPrivilege');

/** A maker's own message. */
export function refusalWith(status: number, messageId: string, text: string): Answer {
  const info = { MessageId: messageId, Message: text, MessageArgs: [], Severity: 'Critical', Resolution: 'Try later.' };
  return { status, body: { error: { code: messageId, message: text, '@Message.ExtendedInfo': [info] } } };
}
