/** The only tags that a receipt is made of, each with the attributes it may have. */
const TAG: RegExp =
  /^<(?:!doctype html|\/?(?:html|head|title|style|body|main|header|footer|section|article|ol|li|dl|dt|dd|p|h1|h2|h3|strong|em|span|code|bdi|small)(?: lang="en"| class="[a-z ]+")?|meta (?:charset|http-equiv|name)="[A-Za-z0-9 -]+"(?: content="[A-Za-z0-9 ';:,=+/-]+")?)>/;

/** Elements without an end. */
const VOID: ReadonlySet<string> = new Set(['!doctype', 'meta']);

/**
 * Every tag of a page, in order.
 * @throws where a `<` starts anything but one of our own tags, a `>` stands alone, or tags do not nest.
 */
export function tagsOf(html: string): readonly string[] {
  const tags: string[] = [];
  const open: string[] = [];
  for (let at = html.indexOf('<'); at !== -1; at = html.indexOf('<', at + 1)) {
    const tag = TAG.exec(html.slice(at, at + 400))?.[0];
    if (tag === undefined) throw new Error(`no tag of ours: ${html.slice(at, at + 80)}`);
    tags.push(tag);
    const element = /^<(\/?)([!a-z0-9]+)/.exec(tag);
    const kind = element?.[2] ?? '';
    if (element?.[1] === '/') {
      const last = open.pop();
      if (last !== kind) throw new Error(`${last} ends as ${kind}`);
    } else if (!VOID.has(kind)) open.push(kind);
    if (kind === 'style' && element?.[1] === '') at = html.indexOf('</style>', at) - 1;
  }
  if (open.length > 0) throw new Error(`not ended: ${open.join(', ')}`);
  return tags;
}
