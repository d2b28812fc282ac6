import { serveParent } from './children.ts';
import { taper } from './taper.ts';

// The authority: `taper up` in an empty folder, in a process of its own.

export interface AuthorityConfig {
  readonly folder: string;
}

serveParent(async ({ folder }: AuthorityConfig, stopped) => {
  const { promise: url, resolve, reject } = Promise.withResolvers<string>();
  const ended = taper('.', ['up', '--dir', folder, '--port', '0', '--json'], {
    stopped,
    hear(text) {
      const [, listening] = /"listening":"([^"]+)"/.exec(text) ?? [];
      if (listening !== undefined) resolve(listening);
    },
  });
  ended.catch((cause: unknown) => reject(cause));
  return { url: await url, ended: ended.catch(() => {}) };
});
