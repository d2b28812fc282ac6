import { createHash } from 'node:crypto';
import { type Markup, markup, NOTHING, STYLE } from '@taper/core/html';
import { escapeText } from '../text/escape.ts';
import { FAILURE_MODES, type FailureMode, OWASP } from './catalogue.ts';
import type { AuditedChain, Hop } from './model.ts';
import { CHECKS, describeFinding, modesOf, overall } from './report.ts';

const OWN_STYLE = `${STYLE}
.fail{--tone:var(--bad);--tint:var(--bad-tint)}
.unproved{--tone:var(--changed);--tint:var(--changed-tint)}
.pass{--tone:var(--good);--tint:var(--good-tint)}
.verdict{display:inline-block;min-width:5.5rem;font-weight:700;font-size:.8rem;letter-spacing:.03em;color:var(--tone)}
.checks{list-style:none;margin:.75rem 0;padding:0}
.checks li{padding:.15rem 0}
.chain>.fail::after,.chain>.unproved::after,.chain>.pass::after{content:"";background:var(--tone)}
.finding{margin:.6rem 0;padding:.1rem 0 .1rem .9rem;border-left:.25rem solid var(--tone)}
.finding p{margin:.1rem 0}
table{border-collapse:collapse;margin:1rem 0;font-size:.92rem}
td,th{text-align:left;padding:.2rem 1rem .2rem 0;font-weight:400}
`;

const WORDS = { pass: 'Pass', unproved: 'Not proved', fail: 'Fail' } as const;

/** The audit as one self-contained HTML file: no script, nothing loaded. */
export function auditHtml(chains: readonly AuditedChain[], within: number): string {
  const verdict = overall(chains);
  const style: Markup = { html: OWN_STYLE };
  const hash = createHash('sha256').update(OWN_STYLE).digest('base64');
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Taper chain audit</title>
<style>${style}</style>
</head>
<body>
<main>
<header class="${verdict}">
<p class="quiet">Taper chain audit</p>
<h1><span class="word">${WORDS[verdict]}</span></h1>
<p>${chains.length} ${chains.length === 1 ? 'chain' : 'chains'}. A revocation has to have effect within ${within} s.</p>
</header>
${modesTable(chains)}
${chains.map(chainSection)}
<footer><p>Drawn from samples as they were found. Signatures were not checked: a sample carries no keys that one could trust. A pass says that the sample keeps the rule, not that the system does.</p></footer>
</main>
</body>
</html>
`.html;
}

function modesTable(chains: readonly AuditedChain[]): Markup {
  const counts = modesOf(chains.flatMap(({ findings }) => findings));
  const rows = (Object.keys(FAILURE_MODES) as FailureMode[]).map((mode) => {
    const { title, owasp } = FAILURE_MODES[mode];
    const risks = owasp.map((risk) => `${risk} ${OWASP[risk]}`).join('; ');
    const tone = counts[mode] > 0 ? 'fail' : 'pass';
    return markup`<tr><td class="${tone}"><span class="verdict">${counts[mode]}</span></td><td>${title}</td><td class="quiet">${risks}</td></tr>`;
  });
  return markup`<table><thead><tr><th class="quiet">found</th><th class="quiet">failure mode</th><th class="quiet">OWASP, agentic applications</th></tr></thead><tbody>${rows}</tbody></table>`;
}

function chainSection(audited: AuditedChain): Markup {
  const { chain, checks } = audited;
  const list = CHECKS.map(
    ({ check, question }) =>
      markup`<li class="${checks[check]}"><span class="verdict">${WORDS[checks[check]]}</span> <strong>${check}</strong>: ${question}</li>`,
  );
  return markup`<section class="left">
<h2><bdi>${escapeText(chain.name)}</bdi> <span class="quiet">${chain.format}, ${chain.hops.length} ${chain.hops.length === 1 ? 'hop' : 'hops'}</span></h2>
<ul class="checks">${list}</ul>
</section>
<ol class="chain">
${chain.hops.map((hop, index) => hopItem(hop, index, audited))}
</ol>`;
}

function hopItem(hop: Hop, index: number, { findings, revocationSeconds }: AuditedChain): Markup {
  const found = findings.filter((finding) => finding.hop === index).map(describeFinding);
  const worst = found.some(({ severity }) => severity === 'fail') ? 'fail' : 'unproved';
  const from = hop.parents.length > 1 ? `joins hops ${hop.parents.join(', ')} for` : 'to';
  const seconds = revocationSeconds[index];
  const facts: readonly (readonly [string, string])[] = [
    ['ends', endText(hop)],
    [
      'revocation',
      seconds === undefined ? 'not recorded' : seconds === 'never' ? 'never' : `${seconds} s`,
    ],
  ];
  return markup`<li class="${found.length === 0 ? 'pass' : worst}"><article>
<h2>hop ${index} <span class="quiet">${from} <bdi>${escapeText(hop.to)}</bdi></span></h2>
${found.length === 0 ? markup`<p class="quiet">Nothing found.</p>` : found.map(findingItem)}
<dl class="facts">${facts.map(([label, value]) => markup`<dt>${label}</dt><dd>${value}</dd>`)}</dl>
</article></li>`;
}

function endText({ expiresAt }: Hop): string {
  if (expiresAt === undefined) return 'not recorded';
  return expiresAt === 'never' ? 'never' : new Date(expiresAt * 1000).toISOString();
}

function findingItem(finding: ReturnType<typeof describeFinding>): Markup {
  const { severity, code, says, remedy, mode, owasp } = finding;
  const title =
    mode === null ? NOTHING : markup` <span class="chip">${FAILURE_MODES[mode].title}</span>`;
  return markup`<div class="finding ${severity}"><p><span class="verdict">${WORDS[severity]}</span> <code>${code}</code>${title} <span class="quiet">${owasp.join(', ')}</span></p>
<p><bdi>${escapeText(says)}</bdi></p><p class="quiet">${remedy}</p></div>`;
}
