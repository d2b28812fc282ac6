import type { Caveats } from '../caveat/caveats.ts';
import { chainCaveats, type VerifiedChain } from '../chain.ts';
import type { ReceiptCaveats, ReceiptDemands } from './model.ts';

/** What one token asks beyond its tools, as its claim `taper` says it; undefined for a token of plain AAT. */
export function receiptCaveats(caveats: Caveats | undefined): ReceiptCaveats | undefined {
  if (caveats === undefined) return undefined;
  const { tenant, purpose, budget, approvals, revocation, definitions } = caveats;
  const groups = Array.from(approvals ?? [], ([tool, counts]) => [
    tool,
    Object.fromEntries(counts),
  ]);
  return {
    ...(tenant === undefined ? {} : { tenant }),
    ...(purpose === undefined ? {} : { purpose }),
    ...(budget === undefined ? {} : { budget: Object.fromEntries(budget) }),
    ...(approvals === undefined ? {} : { approvals: Object.fromEntries(groups) }),
    ...(revocation === undefined
      ? {}
      : {
          revocation: {
            log: revocation.log,
            epoch: revocation.epoch,
            max_staleness: revocation.maxStaleness,
          },
        }),
    ...(definitions === undefined ? {} : { definitions: Object.fromEntries(definitions) }),
  };
}

/** What all hops of a chain ask together; undefined where none asks anything. */
export function receiptDemands(chain: VerifiedChain): ReceiptDemands | undefined {
  const { tokens } = chain;
  if (tokens.every(({ claims }) => claims.caveats === undefined)) return undefined;
  const { tenant, purposes, budgets, revocation, ...all } = withTools(chain);
  const hops = new Map(tokens.map(({ hash }, hop) => [hash, hop]));
  return {
    ...(tenant === undefined ? {} : { tenant }),
    ...(purposes.length === 0 ? {} : { purposes: [...purposes] }),
    ...(budgets.length === 0
      ? {}
      : {
          budget: budgets.map(({ token, meter, limit }) => ({
            hop: hops.get(token) as number,
            meter,
            limit,
          })),
        }),
    ...(all.approvals.length === 0 ? {} : { approvals: Object.fromEntries(all.approvals) }),
    ...(revocation === undefined
      ? {}
      : {
          revocation: {
            epochs: Object.fromEntries(revocation.epochs),
            max_staleness: revocation.maxStaleness,
          },
        }),
    ...(all.definitions.length === 0 ? {} : { definitions: Object.fromEntries(all.definitions) }),
  };
}

/** The caveats of a chain, with those that stand under the names of tools listed. */
function withTools(chain: VerifiedChain) {
  const caveats = chainCaveats(chain);
  const names = (member: 'approvals' | 'definitions'): string[] => [
    ...new Set(chain.tokens.flatMap(({ claims }) => [...(claims.caveats?.[member]?.keys() ?? [])])),
  ];
  return {
    tenant: caveats.tenant,
    purposes: caveats.purposes,
    budgets: caveats.budgets,
    revocation: caveats.revocation,
    approvals: names('approvals').map(
      (tool) => [tool, Object.fromEntries(caveats.approvals(tool))] as const,
    ),
    definitions: names('definitions').map(
      (tool) => [tool, [...caveats.definitions(tool)]] as const,
    ),
  };
}
