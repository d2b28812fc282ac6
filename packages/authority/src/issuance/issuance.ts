import type { IssuedRoot, RootRequest } from './request.ts';

/** Issues roots (draft section 6.1), and takes in the approvals that some of them need. */
export interface Issuance {
  /**
   * Issues a root that is the meet of request, grant, subject and policy. Asking again is the only renewal, and ends with the grant.
   * @throws {AuthorityRefusal} `agent_unknown`, `agent_suspended`, `agent_retired`, `key_not_current`, `request_malformed`,
   * `grant_none` (nothing is left, with what was dropped and why), `grant_ended`, `target_refused`, `approval_required` (with `pending`
   * in its facts), `approval_refused`, `pending_unknown`, `subject_refused`, `too_many_requests`, `unavailable`.
   */
  issueRoot(request: RootRequest): Promise<IssuedRoot>;
}
