import {
  type EvidenceEvent,
  type EvidenceOutcome,
  type EvidenceProblem,
  type EvidenceVerdict,
  evidenceReceipts,
} from '@taper/core';
import {
  foreignMarkup,
  jsonMarkup,
  keyMarkup,
  type Markup,
  markup,
  NOTHING,
  receiptMarkup,
  timeText,
} from '@taper/core/html';
import { delegationGraph } from './graph.ts';

const WORDS: Readonly<Record<EvidenceOutcome, string>> = {
  pass: 'Pass',
  fail: 'Fail',
  not_shown: 'Not shown',
};

const QUESTIONS = [
  {
    name: 'authentic',
    asks: 'What is shown is what these emitters wrote, in its place in logs that you trust.',
  },
  {
    name: 'authorized',
    asks: 'Every permitted call that is shown was allowed by its chain, under your anchors, when it was made.',
  },
  { name: 'complete', asks: 'All events that you ask about are shown, up to the checkpoint.' },
] as const;

/** Events that are drawn; the verdict counts all. */
const MAX_EVENTS = 500;

/** Problems that are drawn. */
const MAX_PROBLEMS = 200;

/** A verdict as part of the page. */
export function verdictMarkup(verdict: EvidenceVerdict): Markup {
  const { events } = verdict;
  return markup`<section class="verdicts">${QUESTIONS.map(
    ({ name, asks }) =>
      markup`<div class="verdict ${verdict[name]}" id="${name}"><h2>${name}</h2><b>${WORDS[verdict[name]]}</b><p>${asks}</p></div>`,
  )}</section>
${asOfMarkup(verdict)}
${problemsMarkup(verdict)}
<section><h2>Logs</h2>${logsMarkup(verdict)}</section>
${events.some(({ event }) => event.delegation_chain !== undefined) ? markup`<section><h2>Who handed on authority</h2>${delegationGraph(events.slice(0, MAX_EVENTS))}</section>` : NOTHING}
<section><h2>Events</h2><ul class="events">${events.slice(0, MAX_EVENTS).map(eventItem)}</ul>${
    events.length > MAX_EVENTS
      ? markup`<p class="quiet">${events.length - MAX_EVENTS} more were judged and are not drawn.</p>`
      : NOTHING
  }</section>`;
}

function asOfMarkup({ notRevokedAsOf, asOf, lacking }: EvidenceVerdict): Markup {
  const lines: Markup[] = [];
  lines.push(
    notRevokedAsOf === undefined
      ? markup`<p>No statement is made about revocation.</p>`
      : markup`<p>The chains of permitted calls were not revoked as of <b>${timeText(notRevokedAsOf)}</b> at the earliest. That says nothing about later.</p>`,
  );
  if (asOf !== undefined) lines.push(markup`<p>Judged as of ${timeText(asOf)}.</p>`);
  const missing = (['arguments', 'proofs', 'revocation'] as const).filter(
    (what) => lacking[what] > 0,
  );
  if (missing.length > 0)
    lines.push(
      markup`<p class="quiet">Permitted calls without ${missing.map((what) => `${what}: ${lacking[what]}`).join(', ')}.</p>`,
    );
  return markup`<section>${lines}</section>`;
}

function problemsMarkup({ problems, problemCount, notices }: EvidenceVerdict): Markup {
  if (problemCount === 0 && notices.length === 0) return NOTHING;
  const rows = problems.slice(0, MAX_PROBLEMS).map(problemRow);
  const rest = problemCount - rows.length;
  const noticeRows = notices
    .slice(0, MAX_PROBLEMS)
    .map(
      ({ code, path, sequence }) =>
        markup`<tr class="none"><td><span class="tag">notice</span></td><td><code>${code}</code></td><td><code>${foreignMarkup(path)}</code></td><td>${sequence === undefined ? '' : `event ${sequence}`}</td></tr>`,
    );
  return markup`<section id="problems"><h2>What was found</h2><table><thead><tr><th>verdict</th><th>code</th><th>item</th><th>facts</th></tr></thead><tbody>${rows}${noticeRows}</tbody></table>${
    rest > 0 ? markup`<p class="quiet">and ${rest} more</p>` : NOTHING
  }</section>`;
}

function problemRow({ verdict: question, outcome, code, path, ...facts }: EvidenceProblem): Markup {
  const rows = Object.entries(facts).map(
    ([fact, value], index) =>
      markup`${index === 0 ? '' : ', '}${fact} ${foreignMarkup(String(value))}`,
  );
  return markup`<tr class="${outcome}"><td><span class="tag">${question}: ${WORDS[outcome].toLowerCase()}</span></td><td><code>${code}</code></td><td><code>${foreignMarkup(path)}</code></td><td>${rows}</td></tr>`;
}

function logsMarkup({ logs }: EvidenceVerdict): Markup {
  if (logs.length === 0) return markup`<p class="quiet">None could be read.</p>`;
  const rows = logs.map(
    ({ origin, emitter, size, shown, withheld, witnesses, cosignedAt }) =>
      markup`<tr><td>${foreignMarkup(origin)}</td><td>${emitter === undefined ? 'unknown' : foreignMarkup(emitter)}</td><td>${size ?? 'not proved'}</td><td>${shown}</td><td>${withheld}</td><td>${witnesses.length === 0 ? 'none' : witnesses.map((witness, index) => markup`${index === 0 ? '' : ', '}${foreignMarkup(witness)}`)}${cosignedAt === undefined ? '' : `, ${timeText(cosignedAt)}`}</td></tr>`,
  );
  return markup`<table><thead><tr><th>log</th><th>emitter</th><th>events at the checkpoint</th><th>shown</th><th>withheld</th><th>cosigned by</th></tr></thead><tbody>${rows}</tbody></table>`;
}

function eventItem(shown: EvidenceEvent): Markup {
  const { event, authorized, path, problems, notRevokedAsOf } = shown;
  const asks = event.decision === 'permit' || problems.length > 0;
  const facts: readonly (readonly [string, Markup | undefined])[] = [
    ['agent', event.agent_id === undefined ? undefined : keyMarkup(event.agent_id)],
    [
      'delegated by',
      event.delegated_by === undefined ? undefined : foreignMarkup(event.delegated_by),
    ],
    ['enforcement point', foreignMarkup(event.enforcement_point)],
    ['tenant', event.tenant === undefined ? undefined : foreignMarkup(event.tenant)],
    ['resource', event.resource === undefined ? undefined : foreignMarkup(event.resource)],
    ['denial', event.denial_code === undefined ? undefined : foreignMarkup(event.denial_code)],
    ['arguments', shown.arguments === undefined ? undefined : jsonMarkup(shown.arguments)],
    [
      'place',
      markup`entry ${event.sequence - 1} of the log: the checkpoint's root was computed from it (<code>${path}</code>)`,
    ],
    [
      'not revoked',
      notRevokedAsOf === undefined ? undefined : markup`as of ${timeText(notRevokedAsOf)}`,
    ],
    ['event', markup`<code>${event.event_id}</code>`],
  ];
  const receipts = evidenceReceipts(shown).map(
    (receipt) => markup`<div class="receipt ${receipt.status}">${receiptMarkup(receipt)}</div>`,
  );
  return markup`<li class="${asks ? authorized : 'none'}"><details><summary><span class="quiet">${event.sequence}</span><span>${timeText(event.time)}</span><span><b>${event.decision}</b> ${event.tool === undefined ? '' : foreignMarkup(event.tool)}</span><span class="tag">${asks ? `${WORDS[authorized]}` : ''}</span></summary><div class="body">
<dl class="facts">${facts.map(([label, value]) => (value === undefined ? NOTHING : markup`<dt>${label}</dt><dd>${value}</dd>`))}</dl>
${problems.length === 0 ? NOTHING : markup`<table><tbody>${problems.map(problemRow)}</tbody></table>`}
${receipts}
</div></details></li>`;
}
