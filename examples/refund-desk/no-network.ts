import dgram from 'node:dgram';
import dns from 'node:dns';
import net from 'node:net';

// Takes the network away from the process that imports this first, where the system has no way to do it. Everything of Node that
// reaches another program (fetch, http, tls, WebSocket and so on) ends in one of these.

class NoNetworkError extends Error {
  readonly code = 'ENETDOWN';
}

function refuse(): never {
  throw new NoNetworkError('This process has no network.');
}

net.Socket.prototype.connect = refuse;
net.Server.prototype.listen = refuse;
dgram.Socket.prototype.bind = refuse;
dgram.Socket.prototype.send = refuse;
dgram.Socket.prototype.connect = refuse;
for (const owner of [dns, dns.promises, dns.Resolver.prototype, dns.promises.Resolver.prototype]) {
  for (const name of Object.getOwnPropertyNames(owner)) {
    if (/^(?:lookup|resolve|reverse)/.test(name))
      Object.defineProperty(owner, name, { value: refuse });
  }
}
