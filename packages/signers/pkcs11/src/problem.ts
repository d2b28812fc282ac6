import { KeyStoreError, TaperError } from '@taper/core';

/** Return values of PKCS#11 (version 2.40, section 2.11) after which what was open is looked for anew. */
const WITHDRAWN: ReadonlySet<number> = new Set([
  0x05, // CKR_GENERAL_ERROR
  0x06, // CKR_FUNCTION_FAILED
  0x30, // CKR_DEVICE_ERROR
  0x31, // CKR_DEVICE_MEMORY
  0x32, // CKR_DEVICE_REMOVED
]);

const PIN_PROBLEMS: Readonly<Record<number, readonly [string, string]>> = {
  160: [
    'The token does not accept the PIN.',
    'It is not tried again, since a token locks itself after a few attempts: correct the PIN, then start again.',
  ],
  161: ['The token does not accept the PIN: it cannot be one.', 'Correct the PIN.'],
  162: ['The token does not accept the PIN: its length cannot be right.', 'Correct the PIN.'],
  163: ['The PIN of the token has expired.', 'Set a new one with the tools of the device.'],
  164: [
    'The PIN of the token is locked.',
    'Have its security officer unlock it, and find out who tried wrong PINs.',
  ],
};

/** The return value that an error of the binding carries. */
export function codeOf(cause: unknown): number | undefined {
  const code = (cause as { code?: unknown } | undefined)?.code;
  return typeof code === 'number' ? code : undefined;
}

/** What a device answers, as the name of a return value and nothing else. */
function nameOf(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : '';
  return /^CKR_[A-Z0-9_]+$/.test(message) ? ` (${message})` : '';
}

export function deviceError(message: string, cause: unknown): KeyStoreError {
  if (cause instanceof KeyStoreError) return cause;
  const hint = WITHDRAWN.has(codeOf(cause) ?? -1)
    ? 'The device or its service may be gone: check it.'
    : 'Check the path of the library, its own configuration, and that the device is there.';
  return new KeyStoreError('device', `${message.replace(/\.$/, '')}${nameOf(cause)}.`, {
    hint,
    cause,
  });
}

/** Why the log-in failed. */
export function loginError(cause: unknown): KeyStoreError {
  const [message, hint] = PIN_PROBLEMS[codeOf(cause) ?? -1] ?? [];
  if (message === undefined || hint === undefined)
    return deviceError('The log-in at the token failed.', cause);
  return new KeyStoreError('pin', message, { hint, cause });
}

/** Why nothing was signed. What is signed with is never another key, and never a key in software. */
export function signingError(cause: unknown): TaperError {
  if (cause instanceof TaperError && cause.code === 'signing_failed') return cause;
  const reason = cause instanceof KeyStoreError ? `: ${cause.message}` : nameOf(cause);
  return new TaperError('signing_failed', `The token did not sign${reason}`, {
    hint:
      cause instanceof KeyStoreError && cause.hint !== undefined
        ? cause.hint
        : 'The device was removed, or the session with it is lost. It is looked for again at the next signature: put it back.',
    cause,
  });
}
