/** The style sheet of the HTML receipt: system fonts, light and dark, a phone's width, paper. */
export const STYLE: string = `
:root{color-scheme:light dark;--page:#f6f5f1;--card:#fff;--ink:#1d1c19;--quiet:#66635c;--line:#cfccc3;--edge:#e3e0d8;--good:#0b6e45;--good-tint:#e2f3ea;--bad:#b3261e;--bad-tint:#fbe9e7;--changed:#7f5200;--changed-tint:#fbf0d9}
@media (prefers-color-scheme:dark){:root{--page:#151513;--card:#1e1e1b;--ink:#eceae3;--quiet:#a09d94;--line:#4a4842;--edge:#33322d;--good:#54c58f;--good-tint:#12301f;--bad:#ff8a80;--bad-tint:#3a1714;--changed:#e6b655;--changed-tint:#33270f}}
*,*::before,*::after{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:400 1rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif;overflow-wrap:anywhere}
main{max-width:46rem;margin:0 auto;padding:2rem 1.25rem 3rem}
p{margin:.25rem 0}
h1,h2,h3{line-height:1.25;font-weight:600}
code,.code,.facts dd bdi,.after,.before{font-family:ui-monospace,"SF Mono",SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace}
code,.code{font-size:.92em}
.quiet{color:var(--quiet)}
header{padding:1.25rem 1.5rem;border-radius:.75rem;border:1px solid var(--edge);border-left:.4rem solid var(--tone);background:var(--tint)}
.verified{--tone:var(--good);--tint:var(--good-tint)}
.denied{--tone:var(--bad);--tint:var(--bad-tint)}
h1{margin:.1rem 0 .5rem;font-size:1.5rem}
h1 .word{color:var(--tone);font-size:1.9rem;font-weight:750;letter-spacing:.03em;margin-right:.35rem}
header .quiet{font-size:.85rem}
.chain{list-style:none;margin:2rem 0;padding:0}
.chain>li{position:relative;padding:0 0 1.1rem 2.4rem}
.chain>li::before{content:"";position:absolute;left:.65rem;top:0;bottom:0;border-left:2px solid var(--line)}
.chain>li:first-child::before{top:.75rem}
.chain>li:last-child::before{bottom:auto;height:.75rem}
.chain>li:first-child:last-child::before{display:none}
.chain>li::after{position:absolute;left:.1rem;top:.15rem;width:1.2rem;height:1.2rem;border-radius:50%;font:700 .8rem/1.2rem system-ui,sans-serif;text-align:center}
.anchor::after,.holder::after{content:"";background:var(--page);border:.22rem solid var(--ink)}
.chain>.anchor::after{border-radius:.2rem;transform:rotate(45deg) scale(.8);background:var(--ink)}
.chain>.permitted::after{content:"\\2713";background:var(--good);color:var(--page)}
.chain>.refused::after,.chain>.break::after{content:"\\2715";background:var(--bad);color:var(--page)}
.chain>.break::before,.chain>.unexamined::before{border-left-style:dashed}
.chain>.holder:has(+.break)::before{border-left:2px dashed var(--bad)}
.chain>.break::before{border-left-color:var(--bad)}
.chain>.unexamined{color:var(--quiet)}
.chain>.unexamined::after{content:"";background:var(--page);border:2px dashed var(--line)}
.anchor .quiet,.holder .quiet{display:block;font-size:.8rem}
article,.left{background:var(--card);border:1px solid var(--edge);border-radius:.75rem;padding:1rem 1.25rem}
article h2{margin:0 0 .75rem;font-size:1rem}
article h2 .quiet{font-weight:400}
em{font-style:normal}
.permitted article{border-color:var(--good)}
.refused article,.break article{border:2px solid var(--bad);background:var(--bad-tint)}
.permitted em{color:var(--good)}
.refused em,.break em{color:var(--bad)}
.tool{margin:.75rem 0}
h3{margin:0 0 .25rem;font-size:1rem;display:flex;flex-wrap:wrap;gap:.25rem .6rem;align-items:baseline}
.chip{font-size:.72rem;font-weight:600;padding:.05rem .5rem;border-radius:1rem;border:1px solid var(--edge);color:var(--quiet)}
.chip.narrowed{color:var(--changed);background:var(--changed-tint);border-color:transparent}
.tool.dropped code{text-decoration:line-through;color:var(--quiet)}
dl{display:grid;grid-template-columns:minmax(5.5rem,max-content) 1fr;gap:.15rem 1rem;margin:0}
dt{color:var(--quiet);max-width:12rem}
dd{margin:0;min-width:0}
.arguments{font-size:.92rem;padding-left:.9rem;border-left:2px solid var(--edge)}
.arguments dt{color:var(--ink)}
.before{color:var(--quiet)}
dd.narrowed .after{font-weight:650;color:var(--changed)}
dd.unchanged .after,dd.dropped .after{color:var(--quiet)}
dd.dropped .before{text-decoration:line-through}
.facts{font-size:.85rem;margin-top:1rem;padding-top:.75rem;border-top:1px solid var(--edge)}
.break .facts,.refused .facts{border:0;margin:0;padding:0;font-size:.92rem}
.left h2{margin:0 0 .5rem;font-size:1.1rem}
footer{margin-top:2rem;font-size:.8rem;color:var(--quiet)}
@media (max-width:34rem){main{padding:1rem .75rem 2rem}header{padding:1rem}article,.left{padding:.85rem .9rem}.chain>li{padding-left:1.9rem}dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.4rem}.facts{grid-template-columns:5rem 1fr}h1{font-size:1.15rem}}
@media print{:root{--page:#fff;--card:#fff;--ink:#000;--quiet:#444;--line:#999;--edge:#bbb;--good:#0b6e45;--good-tint:#fff;--bad:#b3261e;--bad-tint:#fff;--changed:#5c3b00;--changed-tint:#fff;color-scheme:light}main{max-width:none;padding:0}body{font-size:10pt}.tool,header,.anchor,.holder,.break,.refused,.permitted{break-inside:avoid}.chain>li::after{print-color-adjust:exact}h2,h3{break-after:avoid}}
`;

/** The CSP source of {@link STYLE}: base64 of its SHA-256. A test computes it anew. */
export const STYLE_HASH = 'sha256-90QPGpVdhNWZZYNoHY1SEPJgCgvGtFP5b/PXIi10+Ps=';
