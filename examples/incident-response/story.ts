import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { constraint as c, type ToolMap, type VerifiedChain } from '@taper/core';
import { type Agent, createAgent } from './agent.ts';
import type { AuthorityConfig } from './authority.ts';
import type { Child } from './children.ts';
import { type Outcome, readResponse } from './outcome.ts';
import type { Page } from './page.ts';
import { createOnCall, createOperator, type OnCall, type Operator } from './people.ts';
import type { Deployment, PlatformConfig } from './platform.ts';
import { deployProduction, deployStaging, readLogs } from './routes.ts';
import { trustOf } from './trust.ts';

const SHOP = 'shop.example';
const RELEASE = { service: 'checkout', version: '2.4.0' } as const;

/** What a run needs from outside. */
export interface StoryOptions {
  readonly page: Page;
  /** Gone afterwards. */
  readonly folder: string;
  start(script: string, config: object): Promise<Child>;
}

/** What came of it, by the platform's own list. */
export interface Ending {
  readonly deployments: readonly Deployment[];
  /** Milliseconds from the end of the incident until the platform refused what belonged to it. */
  readonly revocationMs: number;
}

/** Who takes part. */
interface Cast {
  readonly page: Page;
  readonly operator: Operator;
  readonly oncall: OnCall;
  readonly coordinator: Agent;
  readonly triage: Agent;
  readonly deployer: Agent;
  /** Address of the platform. */
  readonly platform: string;
}

export async function tellStory(options: StoryOptions): Promise<Ending> {
  const { page } = options;
  page.heading('Taper: an incident at three in the morning');
  page.say(
    'Checkout fails, and three agents look after it: one coordinates, one reads logs, one deploys. None ' +
      'of them may do more than its part, and nothing goes to production without a person.',
  );
  const cast = await gather(options);
  const root = await takeCharge(cast);
  await handOut(cast);
  await readTheLogs(cast);
  await deploy(cast);
  await changeKeys(cast);
  return end(cast, root);
}

async function gather({ page, folder, start }: StoryOptions): Promise<Cast> {
  const home = join(folder, 'authority');
  const authority = await start('./authority.ts', { folder: home } satisfies AuthorityConfig);
  const operator = createOperator(home, authority.url, SHOP);
  const { address } = operator;
  const oncall = await createOnCall(join(folder, 'ines'), address.anchors);
  const platform = await start('./platform.ts', {
    authority: address,
    tenant: SHOP,
    oncall: [{ name: 'Ines', key: oncall.key }],
  } satisfies PlatformConfig);
  const agent = (name: string): Agent => createAgent(name, address);
  const [coordinator, triage, deployer] = [
    agent('coordinator'),
    agent('triage'),
    agent('deployer'),
  ];

  page.heading('1. Who takes part');
  page.quote([
    `authority    ${authority.url}  (taper up)`,
    `platform     ${platform.url}  logs and deployments, guarded`,
    'Ines         on call: a person, with a key of her own',
  ]);
  for (const each of [coordinator, triage, deployer]) {
    const id = await each.enrol(await operator.admit(each.name));
    page.quote([`${each.name.padEnd(13)}${id}`]);
  }
  await operator.grant({
    PLATFORM: platform.url,
    LOG: trustOf(address).log.origin,
    TOMORROW: new Date(Date.now() + 24 * 3_600_000).toISOString().replace(/\.\d+/, ''),
  });
  return { page, operator, oncall, coordinator, triage, deployer, platform: platform.url };
}

/** The coordinator gets its authority, for this incident alone. */
async function takeCharge({ page, coordinator }: Cast): Promise<VerifiedChain> {
  page.heading('2. The coordinator takes charge');
  page.say(
    'The authority issues it a root token for an hour, as grants.yaml has it: read logs, deploy to ' +
      'staging, and deploy to production if somebody who is on call approves. The other two have no grant.',
  );
  const any = c.wildcard();
  const deployment = { service: any, version: any };
  const tools: ToolMap = {
    read_logs: { service: any },
    deploy_staging: deployment,
    deploy_production: deployment,
  };
  return coordinator.ask(tools, 3600);
}

/** Each agent gets its part, for checkout, for a quarter of an hour. */
async function handOut({ page, coordinator, triage, deployer }: Cast): Promise<void> {
  page.heading('3. It hands on what each one needs');
  page.say(
    'Triage may read the logs of checkout. The deployer may bring checkout back to 2.4.0, and to nothing ' +
      'else. Both for 15 minutes, and for incident INC-7. The coordinator makes these tokens itself: ' +
      'nobody is asked.',
  );
  const service = c.exact(RELEASE.service);
  const common = { lifetime: 900, caveats: { purpose: 'INC-7' } };
  const reading = { read_logs: { service } };
  const release = { service, version: c.exact(RELEASE.version) };
  const deploying = { deploy_staging: release, deploy_production: release };
  triage.take(await coordinator.handOn(triage.key(), { ...common, tools: reading }));
  deployer.take(await coordinator.handOn(deployer.key(), { ...common, tools: deploying }));
}

async function readTheLogs({ page, triage, platform }: Cast): Promise<void> {
  page.heading('4. Triage reads the logs, and a log speaks to it');
  const { data } = await page.step('triage', 'read the logs of checkout', 'permitted', () =>
    triage.call(platform, readLogs, { service: 'checkout' }),
  );
  page.quote((data as { readonly lines: readonly string[] }).lines);
  page.say('The last line is what a customer has sent as the name of a browser. Triage obeys:');
  const wanted = { service: 'checkout', version: '6.6.6' };
  await page.step('triage', 'deploy 6.6.6 to production', 'tool_not_granted', () =>
    triage.call(platform, deployProduction, wanted),
  );
  const path = '/production/checkout/deployments';
  await page.step('triage', 'the same, signed by hand', 'tool_not_granted', () =>
    triage.callByHand(platform, path, 'deploy_production', wanted),
  );
  await page.step('triage', 'read the logs of payments', 'argument_refused', () =>
    triage.call(platform, readLogs, { service: 'payments' }),
  );
}

async function deploy({ page, oncall, deployer, platform }: Cast): Promise<void> {
  page.heading('5. The deployer brings 2.4.0 back');
  await page.step('deployer', 'deploy 2.4.0 to staging', 'permitted', () =>
    deployer.call(platform, deployStaging, RELEASE),
  );
  const copied = deployer.latest();
  await page.step('a listener', 'send that request again', 'proof_replayed', () =>
    readResponse(fetch(copied)),
  );
  const { approvalUrl = '' } = await page.step(
    'deployer',
    'deploy 2.4.0 to production',
    'approval_required',
    () => deployer.call(platform, deployProduction, RELEASE),
  );
  page.say('Nothing has happened yet. Ines runs `taper approve --url …`, and sees:');
  page.quote(actionIn(await oncall.approve(approvalUrl)));
  page.say('She signs exactly that, for this one time.');
  await page.step('deployer', 'deploy 2.4.0 to production', 'permitted', () =>
    deployer.call(platform, deployProduction, RELEASE),
  );
  const approved = deployer.latest();
  await page.step('a listener', 'send that request again', 'proof_replayed', () =>
    readResponse(fetch(approved)),
  );
  await page.step('deployer', 'deploy it once more', 'approval_required', () =>
    deployer.call(platform, deployProduction, RELEASE),
  );
}

async function changeKeys({ page, coordinator, triage, deployer, platform }: Cast): Promise<void> {
  await nextSecond(); // what the old key has signed by then stays good
  page.heading('6. The coordinator moves to another machine, in the middle of it');
  const before = await coordinator.rotate();
  page.say(
    'It has made itself a new key there; the old one has agreed, and the authority has written it into ' +
      'its log. Nothing is issued again: the new key goes on with the old root token, and what the old ' +
      'one has handed out stays good.',
  );
  const read = (service: string) => () => triage.call(platform, readLogs, { service });
  await page.step('triage', 'read the logs of checkout', 'permitted', read('checkout'));
  const slice = { tools: { read_logs: { service: c.exact('payments') } }, lifetime: 900 };
  triage.take(await coordinator.handOn(triage.key(), slice));
  await page.step('triage', 'read payments, by the new key', 'permitted', read('payments'));
  deployer.take(await before.handOn(deployer.key(), slice));
  const misuse = () => deployer.call(platform, readLogs, { service: 'payments' });
  await untilRefused(misuse); // the platform reads of it in the log, a moment later
  await page.step('deployer', 'read payments, by the old key', 'key_rotated', misuse);
}

async function end(cast: Cast, root: VerifiedChain): Promise<Ending> {
  const { page, operator, triage, platform } = cast;
  const read = () => triage.call(platform, readLogs, { service: 'payments' });
  const began = performance.now();
  await operator.end(root);
  await untilRefused(read);
  const revocationMs = performance.now() - began;
  page.heading('7. The incident is over');
  page.say(
    'Who runs the authority revokes the root token of the incident. Everything that was handed on rests ' +
      `on it; ${Math.ceil(revocationMs)} ms later the platform refuses it all, though it has 15 minutes left:`,
  );
  await page.step('triage', 'read the logs of payments', 'revoked', read);
  const { coordinator, deployer } = cast;
  const late = { tools: { deploy_staging: staging() }, lifetime: 60 };
  deployer.take(await coordinator.handOn(deployer.key(), late));
  await page.step('deployer', 'deploy, by a token made after it', 'revoked', () =>
    deployer.call(platform, deployStaging, RELEASE),
  );
  const response = await fetch(`${platform}/deployments`);
  const deployments = (await response.json()) as readonly Deployment[];
  const shown = deployments.map(
    ({ environment, service, version }) => `${service} ${version} to ${environment}`,
  );
  page.say(`Deployed, by the platform's own list: ${shown.join(', ')}. Nothing else.`);
  return { deployments, revocationMs };
}

function staging(): ToolMap[string] {
  return { service: c.exact(RELEASE.service), version: c.exact(RELEASE.version) };
}

/** Of what an approver sees, the action. */
function actionIn(seen: string): readonly string[] {
  const lines = seen.split('\n').map((line) => line.replace(/^ {2}/, ''));
  const from = lines.findIndex((line) => line.trim().startsWith('tool '));
  return lines.slice(from, lines.findIndex((line) => line.trim() === '}') + 1);
}

/** Tries until it is refused, which is soon or a mistake. */
async function untilRefused(run: () => Promise<Outcome>): Promise<void> {
  const began = performance.now();
  while ((await run()).code === 'permitted' && performance.now() - began < 10_000) await sleep(5);
}

/** Times are whole seconds: what is signed in the second in which a key is replaced could be from before or after. */
async function nextSecond(): Promise<void> {
  await sleep(1000 - (Date.now() % 1000) + 20, undefined, { ref: false });
}
