import type { EvidenceEvent } from '@taper/core';
import { foreignMarkup, type Markup, markup } from '@taper/core/html';

const COLUMN = 210;
const ROW = 64;
const RADIUS = 9;

interface Node {
  readonly id: string;
  readonly depth: number;
  readonly row: number;
}

interface Edge {
  readonly from: string;
  readonly to: string;
  readonly token: string;
}

/** Who handed authority on to whom: issuers at the left, holders to their right, one line for each token. */
export function delegationGraph(events: readonly EvidenceEvent[]): Markup {
  const { nodes, edges } = layout(events);
  const columns = greatest([...nodes.values()].map(({ depth }) => depth)) + 1;
  const rows = greatest([...nodes.values()].map(({ row }) => row)) + 1;
  const x = ({ depth }: Node): number => depth * COLUMN + 20;
  const y = ({ row }: Node): number => row * ROW + 20;
  const lines = edges.map(({ from, to, token }) => {
    const [start, end] = [nodes.get(from) as Node, nodes.get(to) as Node];
    const path = `M${x(start) + RADIUS} ${y(start)} C${x(start) + COLUMN / 2} ${y(start)} ${x(end) - COLUMN / 2} ${y(end)} ${x(end) - RADIUS} ${y(end)}`;
    return markup`<path class="edge" d="${path}"><title>token ${token}</title></path>`;
  });
  const circles = [...nodes.values()].map((node) => {
    const kind = node.depth === 0 ? 'node anchor' : 'node';
    const label =
      node.depth === 0 ? foreignMarkupText(cut(node.id, 28)) : `${node.id.slice(0, 10)}…`;
    return markup`<circle class="${kind}" cx="${x(node)}" cy="${y(node)}" r="${RADIUS}"><title>${node.id}</title></circle><text x="${x(node) - RADIUS}" y="${y(node) + 26}">${label}</text>`;
  });
  return markup`<div class="graph"><svg width="${columns * COLUMN + 40}" height="${rows * ROW + 10}" role="img" aria-label="Delegation graph">${lines}${circles}</svg></div>`;
}

/** Each identifier gets the column of the greatest depth at which it stands, and rows as they are met. */
function layout(events: readonly EvidenceEvent[]): {
  readonly nodes: ReadonlyMap<string, Node>;
  readonly edges: readonly Edge[];
} {
  const depths = new Map<string, number>();
  const edges = new Map<string, Edge>();
  for (const { event } of events) {
    const own = { delegation_chain: event.delegation_chain, token_hashes: event.token_hashes };
    for (const chain of [own, ...(event.joined_chains ?? [])]) {
      const { delegation_chain: parties = [], token_hashes: tokens = [] } = chain;
      for (const [depth, party] of parties.entries()) {
        depths.set(party, Math.max(depth, depths.get(party) ?? 0));
        const token = tokens[depth - 1];
        const from = parties[depth - 1];
        if (from !== undefined && token !== undefined) edges.set(token, { from, to: party, token });
      }
    }
  }
  const taken = new Map<number, number>();
  const nodes = new Map<string, Node>();
  for (const [id, depth] of depths) {
    const row = taken.get(depth) ?? 0;
    taken.set(depth, row + 1);
    nodes.set(id, { id, depth, row });
  }
  return { nodes, edges: [...edges.values()] };
}

/** There can be more than a call takes arguments. */
function greatest(numbers: readonly number[]): number {
  return numbers.reduce((one, other) => Math.max(one, other), 0);
}

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}

/** SVG has no `bdi`; what is not plain is escaped as on a terminal, and only its text is taken. */
function foreignMarkupText(text: string): string {
  return foreignMarkup(text)
    .html.replace(/<[^>]*>/g, '')
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)));
}
