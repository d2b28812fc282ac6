/**
 * Whose request it is, for rate limits. `X-Forwarded-For` counts only as far as proxies of the operator wrote it: anybody can send one.
 * @param socket address of the peer.
 * @param forwarded value of `X-Forwarded-For`.
 * @param trustedProxies how many proxies of the operator stand in front, each of which appends the address it sees.
 */
export function clientAddress(
  socket: string | undefined,
  forwarded: string | null,
  trustedProxies: number,
): string {
  const own = socket ?? 'unknown';
  if (trustedProxies === 0) return network(own);
  const hops = (forwarded ?? '').split(',').map((hop) => hop.trim());
  const hop = hops.at(-trustedProxies);
  return network(hop !== undefined && /^[0-9A-Fa-f:.]{2,45}$/.test(hop) ? hop : own);
}

/** Of an IPv6 address its first 64 bits: whoever has one address there has them all. */
function network(address: string): string {
  const [, mapped = address] = /^::ffff:([0-9.]+)$/i.exec(address) ?? [];
  // Some proxies append the port, which the client chooses anew for each connection.
  const [, text = mapped] = /^([0-9.]+):[0-9]+$/.exec(mapped) ?? [];
  if (!text.includes(':')) return text;
  const [head = '', tail] = text.split('::', 2);
  const front = head === '' ? [] : head.split(':');
  const back = tail === undefined || tail === '' ? [] : tail.split(':');
  const gap = tail === undefined ? 0 : Math.max(8 - front.length - back.length, 0);
  return [...front, ...Array.from({ length: gap }, () => '0'), ...back].slice(0, 4).join(':');
}
