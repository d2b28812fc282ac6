import { existsSync } from 'node:fs';

const FOLDER = new URL('../../../../shared/vectors/', import.meta.url);

/** A folder of third-party vectors beside the checkout; `undefined`, and a line that says so, where it is not there. */
export function thirdPartyFolder(path: string): URL | undefined {
  const folder = new URL(`${path}/`, FOLDER);
  if (existsSync(folder)) return folder;
  console.warn(`skipped: ../shared/vectors/${path} is not there`);
  return undefined;
}
