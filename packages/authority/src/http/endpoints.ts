import type { Endpoint } from './endpoint.ts';
import { ADMINISTRATOR_ENDPOINTS } from './endpoints/administrators.ts';
import { AGENT_ENDPOINTS } from './endpoints/agents.ts';
import { GRANT_ENDPOINTS } from './endpoints/grants.ts';
import { HOLDER_ENDPOINTS } from './endpoints/holders.ts';
import { PEER_ENDPOINTS } from './endpoints/peers.ts';
import { REVOCATION_ENDPOINTS } from './endpoints/revocations.ts';
import { WAITING_ENDPOINTS } from './endpoints/waiting.ts';

/** Everything that can be asked of an authority over HTTP, but for OAuth and its log, which are described elsewhere. */
export const ENDPOINTS: readonly Endpoint[] = [
  ...HOLDER_ENDPOINTS,
  ...AGENT_ENDPOINTS,
  ...GRANT_ENDPOINTS,
  ...PEER_ENDPOINTS,
  ...REVOCATION_ENDPOINTS,
  ...WAITING_ENDPOINTS,
  ...ADMINISTRATOR_ENDPOINTS,
];
