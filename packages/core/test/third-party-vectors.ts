import { readFileSync } from 'node:fs';
import { thirdPartyFolder } from './third-party-folder.ts';

/** Reads a JSON file of the third-party vectors beside the checkout; `undefined`, and a line that says so, where its folder is not there. */
export function thirdPartyVectors<T>(path: string): T | undefined {
  const slash = path.lastIndexOf('/');
  const folder = thirdPartyFolder(path.slice(0, slash));
  if (folder === undefined) return undefined;
  return JSON.parse(readFileSync(new URL(path.slice(slash + 1), folder), 'utf8')) as T;
}
