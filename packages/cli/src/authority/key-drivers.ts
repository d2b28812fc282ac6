import { openKeyFile, type PassphraseSource } from '@taper/authority/keys';
import { KeyStoreError, type Signer, TaperError } from '@taper/core';
import { Failure } from '../failure.ts';
import { showName } from '../text/escape.ts';
import { type KeyPlace, pathOf } from './key-places.ts';

/** A key that is open, and what gives back what it holds: a session with a token, connections. */
export interface OpenedKey {
  readonly signer: Signer;
  close(): void | Promise<void>;
}

/** What drivers need of the node. */
export interface DriverContext {
  readonly folder: string;
  /** Of key files. */
  readonly passphrase: PassphraseSource;
}

/**
 * Opens a key where the configuration says it is, and nowhere else: there is no other key to fall back on. A driver is loaded only when
 * it is configured.
 *
 * @param name how to call the key in a message.
 * @throws {Failure} `key_store_unusable`, its field the problem: those of {@link KeyStoreError}, or `driver` where that is missing.
 */
export async function openKey(
  place: KeyPlace,
  name: string,
  context: DriverContext,
): Promise<OpenedKey> {
  return naming(name, describe(place, context), () => open(place, name, context));
}

/** Says which key it is that cannot be had. @throws {Failure} `key_store_unusable`. */
export async function naming<Result>(
  name: string,
  where: string,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof TaperError)) throw cause;
    const problem = cause instanceof KeyStoreError ? cause.problem : cause.code;
    throw new Failure('key_store_unusable', `the ${name} key cannot be opened: ${problem}`, {
      file: showName(where),
      field: problem,
      hint: `${cause.message} ${cause.hint ?? ''}`.trim(),
    });
  }
}

async function open(place: KeyPlace, name: string, context: DriverContext): Promise<OpenedKey> {
  switch (place.driver) {
    case 'file': {
      const path = pathOf(context.folder, place.path);
      const signer = await openKeyFile({ path, passphrase: context.passphrase });
      return { signer, close: () => undefined };
    }
    case 'pkcs11': {
      const { openPkcs11Signer, pinFile } = await driver(
        () => import('@taper/signer-pkcs11'),
        '@taper/signer-pkcs11',
        name,
      );
      const { module, token, key, pinFile: pin, publicKey } = place;
      const signer = await openPkcs11Signer({
        module,
        token: { label: token },
        key,
        pin: pinFile(pathOf(context.folder, pin)),
        ...(publicKey === undefined ? {} : { publicKey }),
      });
      return { signer, close: () => signer.close() };
    }
    case 'aws-kms': {
      const { openAwsKmsSigner } = await driver(
        () => import('@taper/signer-aws-kms'),
        '@taper/signer-aws-kms',
        name,
      );
      const { keyId, region, endpoint, publicKey } = place;
      const signer = await openAwsKmsSigner({
        keyId,
        region,
        ...(endpoint === undefined ? {} : { endpoint }),
        ...(publicKey === undefined ? {} : { publicKey }),
      });
      return { signer, close: () => signer.close() };
    }
  }
}

async function driver<Module>(
  load: () => Promise<Module>,
  packageName: string,
  name: string,
): Promise<Module> {
  try {
    return await load();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const isMissing = code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND';
    throw new Failure(
      'key_store_unusable',
      `the ${name} key cannot be opened: ${packageName} ${isMissing ? 'is not installed' : 'cannot be loaded'}`,
      {
        field: 'driver',
        file: packageName,
        hint: isMissing
          ? `npm install ${packageName}. No key in a file takes its place.`
          : 'What it is made of was not built for this Node: npm rebuild pkcs11js --ignore-scripts=false.',
      },
    );
  }
}

function describe(place: KeyPlace, { folder }: DriverContext): string {
  switch (place.driver) {
    case 'file':
      return pathOf(folder, place.path);
    case 'pkcs11':
      return place.module;
    case 'aws-kms':
      return place.keyId;
  }
}
