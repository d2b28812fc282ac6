import { MAX_APPROVAL_SIZE } from '@taper/core';
import type { Authority } from '../authority.ts';
import { mediaType, readText } from './body.ts';
import type { MountedHandler } from './handler.ts';
import { jsonResponse, problemOf, problemResponse, serverProblem } from './problem.ts';

/** Below it each waiting issuance has its address. */
export const APPROVALS_PATH = '/approvals';

const ADDRESS = /^\/approvals\/([A-Za-z0-9_-]{22,128})$/;

/**
 * Where approvers look at an issuance that waits and send their approvals (spec/approval.md section 8): `GET` gives the request and
 * changes nothing, `POST` takes an approval as `application/jose`. Nothing else approves: no link, no form, no cookie.
 */
export function createIssuanceDesk(
  authority: Authority,
  onFailure: (cause: unknown) => void,
): MountedHandler {
  async function answer(request: Request): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    const id = search === '' ? ADDRESS.exec(pathname)?.[1] : undefined;
    if (id === undefined) return problemResponse(serverProblem('not_found'));
    const { issuance } = authority;
    if (request.method === 'GET') {
      const { action, requirements, chains, approvals } = (await issuance.waiting(id)).request;
      return jsonResponse(200, { action, requirements, chains, approvals } as never);
    }
    if (request.method !== 'POST')
      return problemResponse(serverProblem('method_not_allowed'), { Allow: 'GET, POST' });
    if (mediaType(request.headers) !== 'application/jose')
      return problemResponse(serverProblem('media_type_unsupported'), {
        Accept: 'application/jose',
      });
    const read = await readText(request, MAX_APPROVAL_SIZE);
    if (typeof read === 'string') return problemResponse(serverProblem(read));
    const { approval, missing } = await issuance.approve(id, read.text);
    return jsonResponse(201, {
      approver: approval.approver,
      group: approval.group,
      missing: missing.map(({ group, count }) => ({ group, count })),
    });
  }

  return {
    prefix: APPROVALS_PATH,
    name: 'approvals',
    async fetch(request) {
      try {
        return await answer(request);
      } catch (cause) {
        const problem = problemOf(cause);
        if (problem.status === 500) onFailure(cause);
        return problemResponse(problem);
      }
    },
  };
}
