import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import {
  createDocumentFetch,
  type FetchOptions,
  requireDocumentUrl,
} from '../../src/oidc/fetch-document.ts';
import { selfSigned } from './certificate.ts';
import { json, serve, type TestServer } from './issuer.ts';

const loopback: FetchOptions = { loopbackHttp: true };
const fetchDocument = createDocumentFetch(loopback);

function failure(reason: string): unknown {
  return expect.objectContaining({ name: 'FetchError', reason });
}

async function fetchFrom(server: TestServer): Promise<string> {
  return await fetchDocument(server.url);
}

describe('URL of a document', () => {
  it.each([
    'http://issuer.example/jwks',
    'http://127.0.0.1/jwks',
    'https://user:secret@issuer.example/jwks',
    'https://user@issuer.example/jwks',
    'https://issuer.example/jwks#x',
    'https://issuer.example:443/jwks',
    'https://Issuer.example/jwks',
    'https://issuer.example\\@evil.example/jwks',
    'https://issuer.example/../jwks',
    'https://issuer.example/a b',
    'https://issuer.example',
    ' https://issuer.example/jwks',
    'https://0x7f000001/jwks',
    'https://2130706433/jwks',
    'https://127.1/jwks',
    'file:///etc/passwd',
    'gopher://issuer.example/jwks',
    'data:application/json,{}',
    'ftp://issuer.example/jwks',
    '',
    undefined,
  ])('refuses %j (W01, W05)', (url) => {
    expect(() => requireDocumentUrl(url)).toThrow(
      expect.objectContaining({ code: 'option_invalid' }),
    );
  });

  it('takes https as a URL parser writes it', () => {
    expect(requireDocumentUrl('https://issuer.example/jwks')).toBe('https://issuer.example/jwks');
  });

  it('takes http to a literal loopback address where the operator says so, and to nothing else', () => {
    expect(requireDocumentUrl('http://127.0.0.1:8080/jwks', loopback)).toBeDefined();
    expect(requireDocumentUrl('http://[::1]:8080/jwks', loopback)).toBeDefined();
    for (const host of ['localhost', '127.0.0.2', '169.254.169.254', '10.0.0.1', '[::2]'])
      expect(() => requireDocumentUrl(`http://${host}/jwks`, loopback)).toThrow(
        expect.objectContaining({ code: 'option_invalid' }),
      );
  });
});

describe('fetch of a document', () => {
  it('gives the text as it stands', async () => {
    const server = await serve(json(() => ({ keys: [] })));
    expect(await fetchFrom(server)).toBe('{"keys":[]}');
  });

  it.each([301, 302, 303, 307, 308])('follows no redirect, %i (W03)', async (status) => {
    const target = await serve(json(() => ({ keys: [] })));
    const server = await serve((_request, response) => {
      response.writeHead(status, { location: target.url, 'content-type': 'application/json' });
      response.end('{"keys":[]}');
    });
    await expect(fetchFrom(server)).rejects.toThrow(failure('status'));
    expect(target.asked()).toBe(0);
  });

  it.each([204, 400, 404, 500])('takes status 200 alone, not %i (W06)', async (status) => {
    const server = await serve((_request, response) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(status === 204 ? undefined : '{"keys":[]}');
    });
    await expect(fetchFrom(server)).rejects.toThrow(failure('status'));
  });

  it.each([undefined, 'text/html', 'text/plain', 'application/octet-stream', 'application/jsonp'])(
    'takes JSON alone, not %s (W06)',
    async (type) => {
      const server = await serve((_request, response) => {
        if (type !== undefined) response.setHeader('content-type', type);
        response.end('{"keys":[]}');
      });
      await expect(fetchFrom(server)).rejects.toThrow(failure('content_type'));
    },
  );

  it.each(['application/json; charset=utf-8', 'application/jwk-set+json', 'Application/JSON'])(
    'takes %s',
    async (type) => {
      const server = await serve((_request, response) => {
        response.setHeader('content-type', type);
        response.end('{"keys":[]}');
      });
      expect(await fetchFrom(server)).toBe('{"keys":[]}');
    },
  );

  it('takes 256 KiB and not a byte more, announced or not (W04)', async () => {
    const sized = (size: number, announced: boolean): Promise<TestServer> =>
      serve((_request, response) => {
        response.setHeader('content-type', 'application/json');
        if (announced) response.setHeader('content-length', size);
        response.end(' '.repeat(size));
      });
    const largest = await sized(262_144, false);
    expect((await fetchFrom(largest)).length).toBe(262_144);
    for (const announced of [true, false]) {
      const larger = await sized(262_145, announced);
      await expect(fetchFrom(larger)).rejects.toThrow(failure('too_large'));
    }
  });

  it('ends a body that never ends (W04)', async () => {
    const server = await serve((_request, response) => {
      response.setHeader('content-type', 'application/json');
      const chunk = ' '.repeat(65_536);
      const more = (): void => {
        while (!response.destroyed && response.write(chunk));
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    });
    await expect(fetchFrom(server)).rejects.toThrow(failure('too_large'));
  });

  it('ends a slow body, a silent server and a silent resolver in bounded time (W04)', async () => {
    const timeout = 100;
    const slow = await serve((_request, response) => {
      response.setHeader('content-type', 'application/json');
      response.write('{');
    });
    const silent = await serve(() => undefined);
    for (const { url } of [slow, silent])
      await expect(createDocumentFetch({ ...loopback, timeout })(url)).rejects.toThrow(
        failure('timeout'),
      );
    const never = (): Promise<never> => new Promise(() => undefined);
    const unresolved = createDocumentFetch({ timeout, resolve: never });
    await expect(unresolved('https://issuer.example/jwks')).rejects.toThrow(failure('timeout'));
  });

  it('asks for no compression and takes none (W04)', async () => {
    const server = await serve((request, response) => {
      expect(request.headers['accept-encoding']).toBe('identity');
      response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
      response.end(gzipSync(' '.repeat(10_000_000)));
    });
    await expect(fetchFrom(server)).rejects.toThrow(failure('content_encoding'));
  });

  it('takes no body that breaks off, and none that is not UTF-8', async () => {
    const broken = await serve((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' });
      response.write('{"keys":[]}', () => response.destroy());
    });
    await expect(fetchFrom(broken)).rejects.toThrow(failure('unreachable'));
    const latin = await serve((_request, response) => {
      response.setHeader('content-type', 'application/json');
      response.end(Buffer.from('{"keys":["\u00e4"]}', 'latin1'));
    });
    await expect(fetchFrom(latin)).rejects.toThrow(failure('encoding'));
  });

  it('says so when nobody answers', async () => {
    const server = await serve(json(() => ({})));
    await server.close();
    await expect(fetchFrom(server)).rejects.toThrow(failure('unreachable'));
  });
});

describe('fetch over HTTPS', () => {
  const tls = selfSigned('issuer.test');
  const networks = ['127.0.0.0/8'];
  const certificates = tls.cert;
  const found = (...addresses: readonly string[]) =>
    addresses.map((address) => ({ address, family: 4 }));

  it('connects to the address that was checked, and asks for it once (W02)', async () => {
    const honest = await serve(
      json(() => ({ keys: ['honest'] })),
      tls,
    );
    let asked = 0;
    const resolve = async (): ReturnType<NonNullable<FetchOptions['resolve']>> => {
      asked += 1;
      return found(asked === 1 ? '127.0.0.1' : '127.0.0.2');
    };
    const get = createDocumentFetch({ networks, certificates, resolve });
    expect(await get(`https://issuer.test:${honest.port}/jwks`)).toBe('{"keys":["honest"]}');
    expect(asked).toBe(1);
    expect(honest.asked()).toBe(1);
  });

  it('refuses a host of which any address is not allowed, and connects to none (W01, W02)', async () => {
    const server = await serve(
      json(() => ({ keys: [] })),
      tls,
    );
    const url = `https://issuer.test:${server.port}/jwks`;
    for (const addresses of [['127.0.0.1'], ['8.8.8.8', '127.0.0.1'], ['127.0.0.1', '8.8.8.8']]) {
      const get = createDocumentFetch({ certificates, resolve: async () => found(...addresses) });
      await expect(get(url)).rejects.toThrow(failure('address_refused'));
    }
    for (const host of ['127.0.0.1', '169.254.169.254', '[::1]', '[::ffff:7f00:1]'])
      await expect(
        createDocumentFetch({ certificates })(`https://${host}:${server.port}/jwks`),
      ).rejects.toThrow(failure('address_refused'));
    expect(server.asked()).toBe(0);
  });

  it('refuses a host that has no address', async () => {
    const get = createDocumentFetch({ resolve: async () => [] });
    await expect(get('https://issuer.test/jwks')).rejects.toThrow(failure('host_unknown'));
  });

  it('believes the certificates that the operator names, for that host', async () => {
    const server = await serve(
      json(() => ({ keys: [] })),
      tls,
    );
    const resolve = async (): ReturnType<NonNullable<FetchOptions['resolve']>> =>
      found('127.0.0.1');
    const unknown = createDocumentFetch({ networks, resolve });
    await expect(unknown(`https://issuer.test:${server.port}/jwks`)).rejects.toThrow(
      failure('unreachable'),
    );
    const known = createDocumentFetch({ networks, certificates, resolve });
    await expect(known(`https://other.test:${server.port}/jwks`)).rejects.toThrow(
      failure('unreachable'),
    );
    expect(server.asked()).toBe(0);
  });
});
