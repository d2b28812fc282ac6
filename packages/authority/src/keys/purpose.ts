import {
  isJsonObject,
  parseCheckpoint,
  parseJson,
  platform,
  requireKnownOptions,
  type Signer,
  TaperError,
  verifyingSigner,
} from '@taper/core';

/** What a key of the authority is for. Each has a key of its own. */
export type SigningPurpose = 'root' | 'identity' | 'authority' | 'log' | 'witness' | 'audit';

/** What is about to be signed. */
export interface IntendedSignature {
  readonly purpose: SigningPurpose;
  /** Thumbprint of the key. */
  readonly key: string;
  /** `typ` of a JWS, what begins the text of another kind, or `checkpoint`. */
  readonly kind: string;
  /** base64url SHA-256 of the bytes that are signed: of an AAT what `par_hash` calls it. */
  readonly hash: string;
}

export interface PurposeSignerOptions {
  readonly signer: Signer;
  readonly purpose: SigningPurpose;
  /** Of `log` and `witness`: the origin whose checkpoints it signs or cosigns. */
  readonly origin?: string;
  /** Writes down what is about to be signed; done once that is durable. When it throws, nothing is signed. */
  readonly record?: (intended: IntendedSignature) => void | Promise<void>;
}

/** The kinds of text that each purpose signs; `typ` of a JWS, or the words that a text begins with. */
const KINDS: Readonly<Record<SigningPurpose, readonly string[]>> = {
  root: ['aat+jwt', 'taper-rotation+jwt', 'taper-anchors-v1:'],
  identity: ['wit+jwt'],
  authority: [
    'taper-revocation-entry-v1:',
    'taper-authority-entry-v1:',
    'taper-agent-directory-v1:',
    'taper-revocation+jwt',
  ],
  log: ['checkpoint'],
  witness: ['cosignature'],
  audit: ['taper-audit-event-v1:'],
};

/** What stands before the checkpoint that a witness cosigns (C2SP tlog-cosignature). */
const COSIGNATURE = /^cosignature\/v1\ntime (?:0|[1-9][0-9]{0,15})\n/;

/**
 * A signer that signs for one purpose and nothing else: what is no text of that purpose is refused before the key device sees it, so
 * that whoever can make this process sign cannot make it sign anything. What is to be signed can be recorded first. Signatures are
 * verified before they are released.
 *
 * @throws TaperError `option_invalid`. Signing throws `signing_failed`.
 */
export function purposeSigner(options: PurposeSignerOptions): Signer {
  requireKnownOptions(options, ['signer', 'purpose', 'origin', 'record']);
  const { purpose, origin, record } = options;
  const kinds = Object.hasOwn(KINDS, purpose) ? KINDS[purpose] : undefined;
  const needsOrigin = purpose === 'log' || purpose === 'witness';
  if (kinds === undefined || needsOrigin !== (origin !== undefined)) {
    throw new TaperError('option_invalid', 'This is no purpose of a key.', {
      hint: 'Use root, identity, authority or audit; or log or witness, with the origin of the log.',
    });
  }
  const signer = verifyingSigner(options.signer);
  const { publicKey } = signer;
  return Object.freeze({
    publicKey,
    sign(input: Uint8Array): Uint8Array | Promise<Uint8Array> {
      const kind = kindOf(input, publicKey.alg, origin);
      if (kind === undefined || !kinds.includes(kind)) throw notForThis(purpose);
      if (record === undefined) return signer.sign(input);
      const bytes = Uint8Array.from(input);
      const intended = { purpose, key: publicKey.thumbprint, kind, hash: platform.sha256(bytes) };
      return recorded(record, intended).then(() => signer.sign(bytes));
    },
  });
}

async function recorded(
  record: NonNullable<PurposeSignerOptions['record']>,
  intended: IntendedSignature,
): Promise<void> {
  try {
    await record(Object.freeze(intended));
  } catch (cause) {
    throw new TaperError('signing_failed', 'What is to be signed could not be recorded first.', {
      hint: 'Nothing was signed. See why the record failed.',
      cause,
    });
  }
}

/** `undefined` for a text of no kind that is known. */
function kindOf(input: Uint8Array, alg: string, origin: string | undefined): string | undefined {
  const text = platform.decodeUtf8(input);
  if (text === undefined) return undefined;
  if (origin !== undefined) {
    const head = COSIGNATURE.exec(text)?.[0];
    const body = text.slice(head?.length ?? 0);
    if (parseCheckpoint(body)?.origin !== origin) return undefined;
    return head === undefined ? 'checkpoint' : 'cosignature';
  }
  const domain = /^taper-[a-z-]+-v1:/.exec(text)?.[0];
  return domain ?? typeOfJws(text, alg);
}

/** `typ` of a JWS signing input whose header names the algorithm of the key. */
function typeOfJws(text: string, alg: string): string | undefined {
  const [header = '', payload = '', ...rest] = text.split('.');
  if (rest.length > 0 || payload === '' || platform.decodeBase64url(payload) === undefined)
    return undefined;
  const bytes = platform.decodeBase64url(header);
  const json = bytes === undefined ? undefined : platform.decodeUtf8(bytes);
  const parsed = json === undefined ? undefined : parseJson(json);
  if (!parsed?.ok || !isJsonObject(parsed.value)) return undefined;
  const { typ, alg: named } = parsed.value;
  const isOurs = named === alg || (named === 'EdDSA' && alg === 'Ed25519');
  return isOurs && typeof typ === 'string' ? typ : undefined;
}

function notForThis(purpose: SigningPurpose): TaperError {
  return new TaperError('signing_failed', `This is nothing that the ${purpose} key signs.`, {
    hint: 'Each key signs for one purpose; a text of another kind is never signed with it.',
  });
}
