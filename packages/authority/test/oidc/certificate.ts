import { generateKeyPairSync, sign } from 'node:crypto';

/** DER: a tag, the length of what follows, and what follows. */
function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size =
    length < 128
      ? [length]
      : length < 256
        ? [0x81, length]
        : [0x82, Math.floor(length / 256), length % 256];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

const hex = (text: string): Buffer => Buffer.from(text, 'hex');
const SEQUENCE = 0x30;
/** ecdsa-with-SHA256 (RFC 5758). */
const ALGORITHM = der(SEQUENCE, der(0x06, hex('2a8648ce3d040302')));

/** A self-signed certificate for one DNS name, made anew for each run, and its private key. */
export function selfSigned(host: string): { readonly cert: string; readonly key: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const commonName = der(SEQUENCE, der(0x06, hex('550403')), der(0x0c, Buffer.from(host)));
  const name = der(SEQUENCE, der(0x31, commonName));
  const names = der(SEQUENCE, der(0x82, Buffer.from(host)));
  const alternativeName = der(SEQUENCE, der(0x06, hex('551d11')), der(0x04, names));
  const version = der(0xa0, der(0x02, hex('02')));
  const validity = der(
    SEQUENCE,
    der(0x17, Buffer.from('200101000000Z')),
    der(0x17, Buffer.from('491231235959Z')),
  );
  const certified = der(
    SEQUENCE,
    version,
    der(0x02, hex('01')),
    ALGORITHM,
    name,
    validity,
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, der(SEQUENCE, alternativeName)),
  );
  const signature = der(0x03, hex('00'), sign('sha256', certified, privateKey));
  const body = der(SEQUENCE, certified, ALGORITHM, signature).toString('base64');
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}
