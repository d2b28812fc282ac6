import { type ApprovalRequest, readApprovalRequest } from '@taper/core';
import { Failure } from '../failure.ts';
import { parseJsonInput } from './json.ts';
import type { InputText } from './read.ts';

/** Reads what an enforcement point asks to have approved. @throws {Failure} `request_malformed`, `json_invalid`. */
export function parseRequest(input: InputText): ApprovalRequest {
  const request = readApprovalRequest(parseJsonInput(input));
  if (request !== undefined) return request;
  throw new Failure('request_malformed', `${input.source} is no request for approval`, {
    file: input.source,
    hint: 'It is a JSON object with action, requirements, chains and approvals and no other member; see spec/approval.md.',
  });
}
