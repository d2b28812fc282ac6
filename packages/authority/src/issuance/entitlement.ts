import {
  type CaveatsInit,
  compareTools,
  type JsonObject,
  type JsonValue,
  type MetTools,
  meetTools,
  type ToolMap,
} from '@taper/core';
import { type Grant, type GrantSet, grantsOf } from '../grant/grant.ts';
import { rootCaveats } from '../grant/read-caveats.ts';
import type { AgentRecord } from '../port/store.ts';
import { AuthorityRefusal } from '../refusal.ts';
import { readDetails } from './details.ts';
import { joinedCaveats } from './join-caveats.ts';
import type { RootRequest } from './request.ts';
import { servesSubject, subjectCaveats, subjectTools } from './subject-tools.ts';

/** What a request comes to under one grant: all that a root says but for its times and its key. */
export interface Entitlement {
  readonly grant: Grant;
  readonly tools: ToolMap;
  /** `undefined`: anywhere, as the grant says in so many words. */
  readonly audience: readonly string[] | undefined;
  readonly maxDepth: number;
  /** Seconds, before the ends of grant, key and subject are looked at. */
  readonly lifetime: number;
  /** First second at which the root may not be valid: the end of grant or subject. */
  readonly ends: number;
  readonly caveats: CaveatsInit;
}

/**
 * What is granted: the meet of request, subject and one grant of the agent. Several grants are never united: where more than one would
 * do, the request has to name one.
 * @throws {AuthorityRefusal} `details_invalid`, `grant_none`, `grant_ended`, `request_malformed`, `target_refused`, `subject_refused`.
 */
export function entitle(
  request: RootRequest,
  agent: AgentRecord,
  set: GrantSet,
  now: number,
): Entitlement {
  const wanted = request.details === undefined ? undefined : readDetails(request.details);
  if (wanted === undefined && request.subject === undefined)
    throw refused('details_invalid', 'Nothing is asked for.', { reason: 'absent' });
  const offers = candidates(request, agent, set, now).map((grant) => ({
    grant,
    met: metTools(grant, request, wanted),
  }));
  const { grant, met } = chosen(offers);
  if (Object.keys(met.tools).length === 0) {
    throw refused('grant_none', 'Nothing of what is asked for can be granted.', {
      reason: 'nothing_in_common',
      grant: grant.name,
      dropped: met.dropped.slice(0, MAX_DROPPED).map((each) => ({ ...each })),
    });
  }
  // Whoever made the meet: what is granted stands within what was asked for and within the grant, or nothing is.
  requireWithin(grant.tools, met.tools);
  if (wanted !== undefined) requireWithin(wanted, met.tools);
  const { subject } = request;
  const own = rootCaveats(grant.caveats, agent.tenant, 0);
  return {
    grant,
    tools: met.tools,
    audience: commonPlaces([
      grant.audience === 'any' ? undefined : grant.audience,
      subject?.audience,
      request.audience,
    ]),
    maxDepth: Math.min(
      grant.maxDepth,
      requestedDepth(request.maxDepth) ?? grant.maxDepth,
      subject?.maxDepth ?? grant.maxDepth,
    ),
    lifetime: Math.min(grant.lifetime, requestedLifetime(request.lifetime) ?? grant.lifetime),
    ends: Math.min(grant.ends, subject?.expiresAt ?? grant.ends),
    caveats:
      subject === undefined || grant.subject === undefined
        ? own
        : joinedCaveats(own, subjectCaveats(grant.subject, subject)),
  };
}

const MAX_DROPPED = 32;

interface Offer {
  readonly grant: Grant;
  readonly met: MetTools;
}

/** The grants of the agent for requests of this kind that have not ended; at least one. */
function candidates(
  request: RootRequest,
  agent: AgentRecord,
  set: GrantSet,
  now: number,
): readonly Grant[] {
  const found = grantsOf(set, agent).filter(
    (grant) =>
      servesSubject(grant, request.subject) &&
      (request.grant === undefined || request.grant === grant.name),
  );
  if (found.length === 0)
    throw refused('grant_none', 'No grant names the agent.', { reason: 'no_grant' });
  const current = found.filter(({ ends }) => now < ends);
  if (current.length === 0) {
    const last = Math.max(...found.map(({ ends }) => ends));
    throw refused('grant_ended', 'The grant has ended.', { ended_at: last });
  }
  return current;
}

/** The only one, or the only one of which nothing that is asked for has to be dropped. */
function chosen(offers: readonly Offer[]): Offer {
  const [only, ...more] = offers;
  if (only !== undefined && more.length === 0) return only;
  const [whole, ...others] = offers.filter(({ met }) => met.dropped.length === 0);
  if (whole !== undefined && others.length === 0) return whole;
  throw new AuthorityRefusal('request_malformed', 'Several grants would do.', {
    facts: {
      argument: 'grant',
      reason: 'ambiguous',
      grants: offers.slice(0, MAX_DROPPED).map(({ grant }) => grant.name),
    },
    hint: 'Name one of them as `grant`.',
  });
}

/** The meet of grant, subject and request; `dropped` says what of the request is not in it. */
function metTools(grant: Grant, request: RootRequest, wanted: ToolMap | undefined): MetTools {
  const { subject } = request;
  const held =
    subject === undefined || grant.subject === undefined
      ? undefined
      : subjectTools(grant.subject, subject);
  const offered = held === undefined ? grant.tools : meet(grant.tools, held).tools;
  const asked = wanted ?? held ?? {};
  const { tools, dropped } = meet(offered, asked);
  return { tools, dropped: dropped.filter(({ tool }) => Object.hasOwn(asked, tool)) };
}

/** @throws {AuthorityRefusal} `subject_refused`: grant and request have been read before, so what is malformed is the subject's. */
export function meet(left: ToolMap, right: ToolMap): MetTools {
  const met = meetTools(left as unknown as JsonObject, right as unknown as JsonObject);
  if (!('code' in met)) return met;
  throw refused('subject_refused', 'The tools of the subject cannot be compared.', {
    reason: met.code,
  });
}

/** @throws {AuthorityRefusal} `grant_none` for what is not provably within. */
export function requireWithin(above: ToolMap, tools: ToolMap): void {
  const problem = compareTools(above as unknown as JsonObject, tools as unknown as JsonObject);
  if (problem !== undefined)
    throw refused('grant_none', 'What would be granted is not within what may be.', {
      reason: problem.code,
    });
}

/** The places that all lists have in common; what says nothing leaves the others. */
function commonPlaces(
  lists: readonly (readonly string[] | undefined)[],
): readonly string[] | undefined {
  let common: readonly string[] | undefined;
  for (const list of lists) {
    if (list !== undefined) common = common?.filter((place) => list.includes(place)) ?? list;
  }
  if (common?.length !== 0) return common;
  throw refused('target_refused', 'The root may be presented nowhere that was asked for.', {});
}

function requestedDepth(value: number | undefined): number | undefined {
  return requestedNumber(value, 0, 'max_depth');
}

function requestedLifetime(value: number | undefined): number | undefined {
  return requestedNumber(value, 1, 'lifetime');
}

function requestedNumber(
  value: number | undefined,
  least: number,
  argument: string,
): number | undefined {
  if (value === undefined || (Number.isSafeInteger(value) && value >= least)) return value;
  throw refused('request_malformed', `The ${argument} is no whole number from ${least} on.`, {
    argument,
  });
}

function refused(
  code: AuthorityRefusal['refusal'],
  message: string,
  facts: { readonly [fact: string]: JsonValue },
): AuthorityRefusal {
  return new AuthorityRefusal(code, message, { facts });
}
