import { body, path, route } from '@taper/http';

// The platform's routes, each a tool. Server and agents share these declarations.

export const readLogs = route({
  method: 'GET',
  path: '/services/:service/logs',
  tool: 'read_logs',
  args: { service: path() },
  resource: ({ service }) => `service/${service}`,
});

const deployment = { service: path(), version: body({ as: 'string' }) } as const;

export const deployStaging = route({
  method: 'POST',
  path: '/staging/:service/deployments',
  tool: 'deploy_staging',
  args: deployment,
  resource: ({ service }) => `staging/${service}`,
});

export const deployProduction = route({
  method: 'POST',
  path: '/production/:service/deployments',
  tool: 'deploy_production',
  args: deployment,
  resource: ({ service }) => `production/${service}`,
});
