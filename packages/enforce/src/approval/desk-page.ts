import { createHash } from 'node:crypto';
import type { PendingAction } from '../port/approval-source.ts';

const STYLE = `:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem}
pre{overflow-x:auto;margin:0;padding:.5rem .75rem;background:#8881;border-radius:.4rem;white-space:pre-wrap;overflow-wrap:anywhere}
dt{margin-top:1rem;font-weight:600}dd{margin:.25rem 0 0}`;

/** What the page may do in a browser: have this style, and nothing else. */
export const DESK_PAGE_POLICY: string = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; frame-ancestors 'none'`;

/**
 * What a person sees who follows the link in a browser: the whole action, from the value that is hashed, and how to approve it.
 * There is nothing on it to click: no form, no script, no link (spec/approval.md section 8).
 */
export function deskPage({ action, requirements, approvals }: PendingAction): string {
  const { tool, enforcementPoint, expiresAt } = action;
  const rows = [
    ['Tool', JSON.stringify(tool)],
    ['Arguments', JSON.stringify(action.arguments, undefined, 2)],
    ['Enforcement point', JSON.stringify(enforcementPoint)],
    ['Expires', timeText(expiresAt)],
    ['Needs', requirements.map(({ group, count }) => `${count} of ${group}`).join('\n')],
    ['Signatures so far', String(approvals.length)],
  ] as const;
  const body = rows.map(([label, text]) => `<dt>${label}</dt><dd><pre>${shown(text)}</pre></dd>`);
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>An action waits for approval</title>
<style>${STYLE}</style></head>
<body>
<h1>An action waits for approval</h1>
<p>This page approves nothing. To approve, sign the action with your own key, in a terminal; that also checks under whose
authority it is asked for, which this page does not:</p>
<pre>taper approve --url '(the address of this page)' --key KEY --anchors ANCHORS</pre>
<dl>
${body.join('\n')}
</dl>
</body>
</html>
`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** JSON text: what HTML reads made harmless, then what deceives made visible, in a form that JSON itself never has. */
function shown(text: string): string {
  return (
    text
      .replace(/[&<>"']/g, (character) => ENTITIES[character] as string)
      // What hides, reorders or imitates others: controls, bidi, zero width, unassigned, odd spaces, lone surrogates.
      .replace(/[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu, (character) =>
        character === '\n'
          ? character
          : `<mark>\\u{${(character.codePointAt(0) as number).toString(16)}}</mark>`,
      )
  );
}

/** RFC 3339 in UTC; beyond the end of the calendar, the number. */
function timeText(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? `@${seconds}` : date.toISOString();
}
