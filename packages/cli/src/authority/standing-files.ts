import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createVerifier, isJsonObject, type JsonObject, parseJson } from '@taper/core';
import { Failure } from '../failure.ts';
import { publicDocument } from '../file/key.ts';
import { logDocument } from '../log/log-file.ts';
import { jsonText, showName } from '../text/escape.ts';
import { HOME_FILES, replaceFile } from './home.ts';
import type { RunningAuthority } from './node.ts';

/** The name of the administrator that `taper up` makes. */
const FIRST = 'first';

/** Seconds before the end of the first administrator's token at which a new one is written. */
const RENEW_BEFORE = 30 * 86_400;

/**
 * Writes what stands beside the configuration for those who use the authority: anchors, log file, the key of the audit log, and the
 * token of the first administrator, who is made when there is none yet.
 * @returns whether the first administrator was made now.
 * @throws {Failure} `file_unwritable`.
 */
export async function writeStandingFiles(
  folder: string,
  running: RunningAuthority,
  now: number,
): Promise<boolean> {
  const { authority, log } = running;
  await replaceFile(folder, HOME_FILES.anchors, `${running.anchorsDocument}\n`);
  const file = {
    trust: {
      origin: log.key.name,
      keys: [log.key],
      witnesses: log.witnesses.map(({ key }) => key),
      quorum: log.witnesses.length,
    },
    witnesses: log.witnesses,
  };
  await replaceFile(folder, HOME_FILES.logFile, `${jsonText(logDocument(file), 2)}\n`);

  const auditKey = jsonText(publicDocument(running.auditKey), 2);
  await replaceFile(folder, HOME_FILES.auditKey, `${auditKey}\n`);

  const administrators = await authority.administrators.list();
  if (administrators.length === 0) {
    const jwk = await readPublicKey(folder);
    const { chain } = await authority.administrators.add(
      { name: FIRST, jwk },
      { kind: 'operator', id: 'taper up' },
    );
    await writeChain(
      folder,
      chain.tokens.map(({ compact }) => compact),
    );
    return true;
  }
  const first = administrators.find(({ name }) => name === FIRST);
  if (first === undefined || first.removedAt !== undefined) return false;
  const end = await endOfChain(folder, running, now);
  if (end !== undefined && end - now > RENEW_BEFORE) return false;
  const { chain } = await authority.administrators.renew(first.thumbprint);
  await writeChain(
    folder,
    chain.tokens.map(({ compact }) => compact),
  );
  return false;
}

/** Milliseconds between two looks at what is published. */
const LOOK = 60_000;

/** Keeps the file with the trust anchors as it is published while the authority runs: a store that is lost cannot be restored without. @returns what ends it. */
export function keepAnchorsFile(folder: string, running: RunningAuthority): () => void {
  let written = running.anchorsDocument;
  const looking = setInterval(() => {
    const document = running.anchorsDocument;
    if (document === written) return;
    replaceFile(folder, HOME_FILES.anchors, `${document}\n`).then(
      () => {
        written = document;
      },
      // There is no room now; the next look tries again.
      () => undefined,
    );
  }, LOOK);
  looking.unref();
  return () => clearInterval(looking);
}

async function writeChain(folder: string, chain: readonly string[]): Promise<void> {
  await replaceFile(
    folder,
    HOME_FILES.administratorChain,
    `${jsonText({ aat_chain: chain }, 2)}\n`,
  );
}

async function readPublicKey(folder: string): Promise<JsonObject> {
  const path = join(folder, HOME_FILES.administratorPublicKey);
  const parsed = parseJson(await readFile(path, 'utf8').catch(() => ''));
  if (parsed.ok && isJsonObject(parsed.value)) {
    const { kid: _, ...jwk } = parsed.value;
    return jwk;
  }
  throw new Failure('file_missing', `cannot read ${showName(path)}`, {
    file: showName(path),
    hint: 'There is no administrator yet, and this file has the key of the first. Restore it.',
  });
}

/** `exp` of the kept token, where the root key that signs now has signed it: one that is retired may end sooner than the token. */
async function endOfChain(
  folder: string,
  { anchors, root }: RunningAuthority,
  now: number,
): Promise<number | undefined> {
  const text = await readFile(join(folder, HOME_FILES.administratorChain), 'utf8').catch(() => '');
  const parsed = parseJson(text);
  const chain = parsed.ok && isJsonObject(parsed.value) ? parsed.value['aat_chain'] : undefined;
  const current = anchors.filter(({ key }) => key.thumbprint === root.thumbprint);
  if (current.length === 0) return undefined;
  const verifier = createVerifier({ anchors: current, profile: {} });
  const verdict = verifier.verifyChain(chain as string[], now);
  return verdict.verdict === 'verified' ? verdict.chain.leaf.claims.exp : undefined;
}
