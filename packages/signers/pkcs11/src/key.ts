import { importPublicKey, KeyStoreError, type PublicKey, TaperError } from '@taper/core';
import type { Handle, Library } from './module.ts';
import { deviceError } from './problem.ts';

/** Which key of the token: both must match where both are given, and one key alone. */
export interface KeySelector {
  /** CKA_LABEL. */
  readonly label?: string;
  /** CKA_ID, in hexadecimal. */
  readonly id?: string;
}

/** A key pair of a token whose attributes have been checked. */
export interface TokenKey {
  readonly privateKey: Handle;
  readonly publicKey: PublicKey;
}

/** Attributes, object classes, key types and mechanisms (PKCS#11 version 2.40, and version 3.0 for those of Edwards curves). */
const CKA_CLASS = 0x000;
const CKA_TOKEN = 0x001;
const CKA_PRIVATE = 0x002;
const CKA_LABEL = 0x003;
const CKA_KEY_TYPE = 0x100;
const CKA_ID = 0x102;
const CKA_SENSITIVE = 0x103;
const CKA_ENCRYPT = 0x104;
const CKA_DECRYPT = 0x105;
const CKA_WRAP = 0x106;
const CKA_UNWRAP = 0x107;
const CKA_SIGN = 0x108;
const CKA_VERIFY = 0x10a;
const CKA_DERIVE = 0x10c;
const CKA_EXTRACTABLE = 0x162;
const CKA_NEVER_EXTRACTABLE = 0x164;
const CKA_ALWAYS_SENSITIVE = 0x165;
const CKA_MODIFIABLE = 0x170;
const CKA_EC_PARAMS = 0x180;
const CKA_EC_POINT = 0x181;
const CKO_PUBLIC_KEY = 2;
const CKO_PRIVATE_KEY = 3;
const CKK_EC_EDWARDS = 0x40;
const CKM_EC_EDWARDS_KEY_PAIR_GEN = 0x1055;
export const CKM_EDDSA = 0x1057;

/** 1.3.101.112, id-Ed25519 (RFC 8410), and the name that PKCS#11 version 3.0 gives the curve (a PrintableString). */
const ED25519_OID = Buffer.from('06032b6570', 'hex');
const ED25519_NAME = Buffer.from('130c656477617264733235353139', 'hex');

/** What must hold of a private key, or it could leave the token, be used to get others out of it, or has been outside (Clulow 2003, Tookan 2010). */
const REQUIRED: readonly (readonly [
  number,
  boolean,
  'key_exportable' | 'key_misusable',
  string,
])[] = [
  [CKA_EXTRACTABLE, false, 'key_exportable', 'it may be exported (CKA_EXTRACTABLE)'],
  [CKA_SENSITIVE, true, 'key_exportable', 'it may be read in clear (not CKA_SENSITIVE)'],
  [
    CKA_NEVER_EXTRACTABLE,
    true,
    'key_exportable',
    'it was imported, or could be exported before (not CKA_NEVER_EXTRACTABLE)',
  ],
  [
    CKA_ALWAYS_SENSITIVE,
    true,
    'key_exportable',
    'it was imported, or could be read before (not CKA_ALWAYS_SENSITIVE)',
  ],
  [CKA_PRIVATE, true, 'key_misusable', 'it may be used without a PIN (not CKA_PRIVATE)'],
  [CKA_SIGN, true, 'key_misusable', 'it may not sign (not CKA_SIGN)'],
  [CKA_DECRYPT, false, 'key_misusable', 'it may also decrypt (CKA_DECRYPT)'],
  [CKA_UNWRAP, false, 'key_misusable', 'it may also unwrap keys (CKA_UNWRAP)'],
  [CKA_WRAP, false, 'key_misusable', 'it may also wrap keys (CKA_WRAP)'],
  [CKA_DERIVE, false, 'key_misusable', 'it may also derive keys (CKA_DERIVE)'],
];

/**
 * Finds the one key that is selected, and refuses it unless it can only sign and can never leave the token.
 * @throws {KeyStoreError} `key_missing`, `key_ambiguous`, `key_exportable`, `key_misusable`, `unsupported`, `device`.
 */
export function findKey(library: Library, session: Handle, selector: KeySelector): TokenKey {
  const privateKey = findOne(library, session, CKO_PRIVATE_KEY, selector);
  const read = (object: Handle, type: number) => readAttribute(library, session, object, type);
  requireEd25519(read(privateKey, CKA_KEY_TYPE));
  for (const [type, wanted, problem, what] of REQUIRED) {
    const value = read(privateKey, type);
    // A private key has no such attribute as CKA_WRAP on many tokens; of the others, one that is not told does not pass.
    if (value === undefined && (type === CKA_WRAP || type === CKA_DECRYPT)) continue;
    if (value?.length !== 1 || (value[0] !== 0) !== wanted) throw unfit(problem, what);
  }
  const id = read(privateKey, CKA_ID);
  if (id === undefined || id.length === 0) {
    throw new KeyStoreError('unsupported', 'The key has no CKA_ID to find its public half by.', {
      hint: 'Make the key with createPkcs11Key, or give both halves one id.',
    });
  }
  const publicObject = findOne(library, session, CKO_PUBLIC_KEY, { id: id.toString('hex') });
  for (const [type, what] of [
    [CKA_WRAP, 'its public half may wrap keys (CKA_WRAP)'],
    [CKA_ENCRYPT, 'its public half may encrypt (CKA_ENCRYPT)'],
  ] as const) {
    if (read(publicObject, type)?.some((byte) => byte !== 0) === true)
      throw unfit('key_misusable', what);
  }
  const params = read(publicObject, CKA_EC_PARAMS);
  if (params === undefined || !(params.equals(ED25519_OID) || params.equals(ED25519_NAME)))
    throw wrongKind();
  return { privateKey, publicKey: readPoint(read(publicObject, CKA_EC_POINT)) };
}

/**
 * Makes an Ed25519 key pair in the token that can only sign, never leaves it, and cannot be changed.
 * @throws {KeyStoreError} `exists` when a key of this label or of this id is there; `device`.
 */
export function generateKey(library: Library, session: Handle, label: string, id: Buffer): void {
  for (const selector of [{ label }, { id: id.toString('hex') }]) {
    for (const kind of [CKO_PRIVATE_KEY, CKO_PUBLIC_KEY]) {
      if (find(library, session, kind, selector).length === 0) continue;
      throw new KeyStoreError('exists', 'The token has a key of this label or id already.', {
        hint: 'Nothing was made. Choose another label.',
      });
    }
  }
  const common = [
    { type: CKA_TOKEN, value: true },
    { type: CKA_LABEL, value: label },
    { type: CKA_ID, value: id },
    { type: CKA_MODIFIABLE, value: false },
  ];
  try {
    library.C_GenerateKeyPair(
      session,
      { mechanism: CKM_EC_EDWARDS_KEY_PAIR_GEN },
      [
        ...common,
        { type: CKA_EC_PARAMS, value: ED25519_OID },
        { type: CKA_PRIVATE, value: false },
        { type: CKA_VERIFY, value: true },
        { type: CKA_ENCRYPT, value: false },
        { type: CKA_WRAP, value: false },
      ],
      [
        ...common,
        { type: CKA_PRIVATE, value: true },
        { type: CKA_SENSITIVE, value: true },
        { type: CKA_EXTRACTABLE, value: false },
        { type: CKA_SIGN, value: true },
        { type: CKA_DECRYPT, value: false },
        { type: CKA_UNWRAP, value: false },
        { type: CKA_DERIVE, value: false },
      ],
    );
  } catch (cause) {
    throw deviceError('The token does not make an Ed25519 key.', cause);
  }
}

function findOne(library: Library, session: Handle, kind: number, selector: KeySelector): Handle {
  const [object, another] = find(library, session, kind, selector);
  const half = kind === CKO_PRIVATE_KEY ? 'private key' : 'public key';
  if (object === undefined) {
    throw new KeyStoreError('key_missing', `The token has no such ${half}.`, {
      hint: 'Correct label or id, or make a key with createPkcs11Key.',
    });
  }
  if (another === undefined) return object;
  throw new KeyStoreError('key_ambiguous', `The token has more than one such ${half}.`, {
    hint: 'Name the key by an id that it alone has, and delete what is left over.',
  });
}

/** At most two: whether it is one key alone is all that is asked. */
function find(
  library: Library,
  session: Handle,
  kind: number,
  { label, id }: KeySelector,
): Handle[] {
  try {
    library.C_FindObjectsInit(session, [
      { type: CKA_CLASS, value: kind },
      ...(label === undefined ? [] : [{ type: CKA_LABEL, value: label }]),
      ...(id === undefined ? [] : [{ type: CKA_ID, value: Buffer.from(id, 'hex') }]),
    ]);
    try {
      return library.C_FindObjects(session, 2);
    } finally {
      library.C_FindObjectsFinal(session);
    }
  } catch (cause) {
    throw deviceError('The keys of the token cannot be listed.', cause);
  }
}

/** `undefined` where the token does not have or tell it. */
function readAttribute(
  library: Library,
  session: Handle,
  object: Handle,
  type: number,
): Buffer | undefined {
  try {
    const value = library.C_GetAttributeValue(session, object, [{ type }])[0]?.value;
    return Buffer.isBuffer(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A CK_ULONG, whose size is the platform's. */
function requireEd25519(keyType: Buffer | undefined): void {
  if (keyType?.[0] !== CKK_EC_EDWARDS || keyType.subarray(1).some((byte) => byte !== 0))
    throw wrongKind();
}

/** CKA_EC_POINT: 32 bytes, as they are or as a DER OCTET STRING. */
function readPoint(value: Buffer | undefined): PublicKey {
  const isDer = value?.length === 34 && value[0] === 0x04 && value[1] === 0x20;
  const raw = isDer ? value.subarray(2) : value;
  if (raw?.length !== 32) throw wrongKind();
  try {
    return importPublicKey({ kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url') });
  } catch (cause) {
    if (!(cause instanceof TaperError)) throw cause;
    throw new KeyStoreError('key_mismatch', 'The public key in the token is none.', {
      hint: 'Have the device examined.',
      cause,
    });
  }
}

function unfit(problem: 'key_exportable' | 'key_misusable', what: string): KeyStoreError {
  return new KeyStoreError(problem, `The key in the token is refused: ${what}.`, {
    hint: 'Make a new key with createPkcs11Key, which can only sign and never leaves the token.',
  });
}

function wrongKind(): KeyStoreError {
  return new KeyStoreError('unsupported', 'The key in the token is no Ed25519 key.', {
    hint: 'Make one with createPkcs11Key; the token needs CKM_EDDSA.',
  });
}
