import {
  type EvidenceTrust,
  parseJson,
  readEvidenceTrust,
  TaperError,
  verifyEvidence,
} from '@taper/core';
import { foreignMarkup, type Markup, markup, NOTHING } from '@taper/core/html';
import { verdictMarkup } from './view.ts';

/** What whoever made this page put into it. */
interface Given {
  readonly policy: string | null;
  readonly bundle: string | null;
  readonly asOf: number | null;
}

interface State {
  policy: { readonly name: string | undefined; readonly text: string } | undefined;
  bundle: { readonly name: string | undefined; readonly bytes: Uint8Array } | undefined;
  asOf: number | undefined;
}

/** Bytes of a file that are read at all: more is no bundle. */
const MAX_FILE = 256 * 1024 * 1024;

const page = document.getElementById('page') as HTMLElement;
const given = readGiven();
const state: State = {
  policy: given.policy === null ? undefined : { name: undefined, text: given.policy },
  bundle:
    given.bundle === null
      ? undefined
      : { name: undefined, bytes: new TextEncoder().encode(given.bundle) },
  asOf: given.asOf ?? undefined,
};

function readGiven(): Given {
  const parsed = parseJson(document.getElementById('given')?.textContent ?? '');
  const value = parsed.ok ? (parsed.value as unknown as Partial<Given> | null) : null;
  return {
    policy: value?.policy ?? null,
    bundle: value?.bundle ?? null,
    asOf: value?.asOf ?? null,
  };
}

function draw(content: Markup): void {
  page.innerHTML =
    markup`<header class="none"><p class="quiet">Taper evidence</p><h1>What agents were allowed to do, and did</h1>
<p>Nothing leaves this page: it can send no request. Keys inside of a bundle are not trusted for being there; your trust policy says whom you believe.</p></header>
<div class="inputs">
${drop('policy', 'Your trust policy', state.policy)}
${drop('bundle', 'Evidence bundle', state.bundle)}
</div>
<p class="asof"><label>As of (UTC, optional) <input id="asof" type="datetime-local" step="1" value="${state.asOf === undefined ? '' : new Date(state.asOf * 1000).toISOString().slice(0, 19)}"></label></p>
<div id="result" aria-live="polite">${content}</div>`.html;
  for (const kind of ['policy', 'bundle'] as const) listen(kind);
  const asOf = document.getElementById('asof') as HTMLInputElement;
  asOf.addEventListener('change', () => {
    const time = Date.parse(`${asOf.value}Z`);
    state.asOf = Number.isFinite(time) ? Math.floor(time / 1000) : undefined;
    void judge();
  });
}

function drop(
  kind: 'policy' | 'bundle',
  title: string,
  taken: { readonly name: string | undefined } | undefined,
): Markup {
  const source =
    taken === undefined
      ? 'Drop a JSON file here, or choose one.'
      : taken.name === undefined
        ? 'Came with this page.'
        : foreignMarkup(taken.name);
  return markup`<label class="drop${taken === undefined ? '' : ' given'}" id="drop-${kind}"><strong>${title}</strong><span class="quiet">${source}</span><input type="file" id="file-${kind}" accept=".json,application/json"></label>`;
}

function listen(kind: 'policy' | 'bundle'): void {
  const zone = document.getElementById(`drop-${kind}`) as HTMLElement;
  const input = document.getElementById(`file-${kind}`) as HTMLInputElement;
  input.addEventListener('change', () => void take(kind, input.files?.[0]));
  zone.addEventListener('dragover', (event) => {
    event.preventDefault();
    zone.classList.add('over');
  });
  zone.addEventListener('dragleave', () => zone.classList.remove('over'));
  zone.addEventListener('drop', (event) => {
    event.preventDefault();
    zone.classList.remove('over');
    void take(kind, event.dataTransfer?.files[0]);
  });
}

async function take(kind: 'policy' | 'bundle', file: File | undefined): Promise<void> {
  if (file === undefined) return;
  if (file.size > MAX_FILE) {
    draw(problem(`${file.name} is larger than any ${kind} can be.`));
    return;
  }
  const bytes = new Uint8Array(await file.arrayBuffer());
  if (kind === 'bundle') state.bundle = { name: file.name, bytes };
  else state.policy = { name: file.name, text: new TextDecoder().decode(bytes) };
  await judge();
}

let turn = 0;

async function judge(): Promise<void> {
  turn += 1;
  const mine = turn;
  const { policy, bundle, asOf } = state;
  if (policy === undefined || bundle === undefined) {
    draw(NOTHING);
    return;
  }
  draw(markup`<p class="quiet">Verifying…</p>`);
  const result = await verdictOf(policy.text, bundle.bytes, asOf);
  // Something else may have been dropped in the meantime.
  if (mine === turn) draw(result);
}

async function verdictOf(
  policy: string,
  bundle: Uint8Array,
  asOf: number | undefined,
): Promise<Markup> {
  try {
    const trust: EvidenceTrust = readEvidenceTrust(policy);
    return verdictMarkup(await verifyEvidence(bundle, trust, asOf === undefined ? {} : { asOf }));
  } catch (cause) {
    if (cause instanceof TaperError) return problem(`${cause.message} ${cause.hint ?? ''}`);
    return problem(
      'This page failed to verify the bundle. That is a fault of the page, and says nothing about the bundle.',
    );
  }
}

function problem(text: string): Markup {
  return markup`<p class="error">${foreignMarkup(text)}</p>`;
}

// A file that is dropped beside the fields must not replace the page.
for (const type of ['dragover', 'drop']) addEventListener(type, (event) => event.preventDefault());
draw(NOTHING);
void judge();
