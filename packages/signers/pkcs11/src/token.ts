import { KeyStoreError } from '@taper/core';
import type { Handle, Library } from './module.ts';
import type { PinSource } from './pin.ts';
import { codeOf, deviceError, loginError } from './problem.ts';

/** Which token: both must match where both are given, and one token alone. */
export interface TokenSelector {
  readonly label?: string;
  readonly serial?: string;
}

const CKF_RW_SESSION = 0x02;
const CKF_SERIAL_SESSION = 0x04;
const CKU_USER = 1;
const CKR_USER_ALREADY_LOGGED_IN = 0x100;

/**
 * Opens a session with a token and logs in. The PIN is tried once.
 * @throws {KeyStoreError} `device` when no token or several match; `pin`.
 */
export async function openSession(
  library: Library,
  selector: TokenSelector,
  pin: string,
  access: 'use' | 'change',
): Promise<Handle> {
  const slot = findToken(library, selector);
  let session: Handle;
  try {
    const flags = CKF_SERIAL_SESSION | (access === 'change' ? CKF_RW_SESSION : 0);
    session = library.C_OpenSession(slot, flags);
  } catch (cause) {
    throw deviceError('No session can be opened with the token.', cause);
  }
  try {
    library.C_Login(session, CKU_USER, pin);
  } catch (cause) {
    if (codeOf(cause) === CKR_USER_ALREADY_LOGGED_IN) return session;
    closeSession(library, session);
    throw loginError(cause);
  }
  return session;
}

/** Reads the PIN; whatever goes wrong says nothing of it. @throws {KeyStoreError}. */
export async function readPin(source: PinSource): Promise<string> {
  const pin: unknown = await source();
  if (typeof pin === 'string' && pin !== '') return pin;
  throw new KeyStoreError('pin', 'There is no PIN.', { hint: 'Give it in a file: pinFile(path).' });
}

export function closeSession(library: Library, session: Handle): void {
  try {
    library.C_CloseSession(session);
  } catch {
    // It is gone with its device.
  }
}

function findToken(library: Library, { label, serial }: TokenSelector): Handle {
  let found: Handle[];
  try {
    found = library.C_GetSlotList(true).filter((slot) => {
      const token = library.C_GetTokenInfo(slot);
      // Both are padded with spaces.
      return (
        (label === undefined || token.label.trimEnd() === label) &&
        (serial === undefined || token.serialNumber.trimEnd() === serial)
      );
    });
  } catch (cause) {
    throw deviceError('The tokens of the library cannot be listed.', cause);
  }
  const [slot] = found;
  if (slot !== undefined && found.length === 1) return slot;
  throw new KeyStoreError(
    'device',
    slot === undefined ? 'The token is not there.' : 'More than one token matches.',
    {
      hint:
        slot === undefined
          ? 'Put the device in, start its service, or correct label and serial number of the token.'
          : 'Name the token by its serial number.',
    },
  );
}
