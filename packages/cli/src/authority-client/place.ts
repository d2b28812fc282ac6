import { join, resolve } from 'node:path';
import type { Signer } from '@taper/core';
import type { Option } from 'commander';
import { HOME_FILES, readHome } from '../authority/home.ts';
import { Failure } from '../failure.ts';
import { readAnchors } from '../file/anchors.ts';
import { readChain } from '../file/chain.ts';
import { readSigner } from '../file/key.ts';
import { valueOption } from '../option.ts';
import { parseServerAddress } from '../server-address.ts';
import type { Session } from '../session.ts';
import { requireChain } from '../verification.ts';
import { type AdministratorClient, createAdministratorClient } from './administrator-client.ts';

/** How a command finds the authority. */
export interface PlaceOptions {
  readonly dir?: string;
  readonly authority?: string;
}

/** And who administers it. */
export interface AdministratorOptions extends PlaceOptions {
  readonly asKey?: string;
  readonly asChain?: string;
  readonly anchors?: string;
}

export const placeOptions: readonly Option[] = [
  valueOption('--dir <folder>', 'folder that `taper up` made (default: this one)'),
  valueOption('--authority <url>', 'address of an authority elsewhere'),
];

export const administratorOptions: readonly Option[] = [
  ...placeOptions,
  valueOption(
    '--as-key <file>',
    `private key of the administrator (default: ${HOME_FILES.administratorKey} in the folder)`,
  ),
  valueOption(
    '--as-chain <file>',
    `chain of the administrator (default: ${HOME_FILES.administratorChain} in the folder)`,
  ),
  valueOption(
    '--anchors <file>',
    `anchors of the authority (default: ${HOME_FILES.anchors} in the folder)`,
  ),
];

/** URL of the authority. @throws {Failure} `usage` where neither a folder nor an address says it. */
export async function findIssuer(options: PlaceOptions, session: Session): Promise<string> {
  if (options.authority !== undefined) {
    const { origin } = parseServerAddress(options.authority, '--authority');
    return origin;
  }
  const folder = resolve(session.io.cwd, options.dir ?? '.');
  const config = await readHome(folder);
  if (config !== undefined) return config.issuer;
  throw new Failure('usage', 'it is not said which authority is meant', {
    field: '--authority',
    hint: 'Give its address with --authority, or the folder that `taper up` made with --dir.',
  });
}

/** A client for the administrator whom the options name. @throws {Failure} as `readSigner`, `readChain`, `readAnchors`; `refused` for a chain that does not verify. */
export async function openAdministrator(
  options: AdministratorOptions,
  session: Session,
): Promise<{
  readonly client: AdministratorClient;
  readonly signer: Signer;
  readonly issuer: string;
}> {
  const issuer = await findIssuer(options, session);
  const folder = options.dir ?? '.';
  const signer = await readSigner(
    options.asKey ?? join(folder, HOME_FILES.administratorKey),
    '--as-key',
    session,
  );
  const anchors = await readAnchors([options.anchors ?? join(folder, HOME_FILES.anchors)], session);
  const file = await readChain(
    options.asChain ?? join(folder, HOME_FILES.administratorChain),
    session,
  );
  const { clock } = session.io;
  const chain = requireChain(file, anchors, clock());
  return {
    client: createAdministratorClient(issuer, { chain, signer }, clock),
    signer,
    issuer,
  };
}
