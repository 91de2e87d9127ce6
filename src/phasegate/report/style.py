"""How the HTML page looks: calm, light and dark, on a narrow screen and on paper."""

CSS = """\
:root {
  color-scheme: light dark;
  --ground: #fbfaf8; --paper: #ffffff; --ink: #23262b; --quiet: #6b7077; --line: #e4e1db; --soft: #f3f1ec;
  --good: #2f7d4f; --wait: #9a6400; --bad: #b23a2e; --link: #2b5fa8; --bar: #b9c6d6;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #16181b; --paper: #1d2024; --ink: #e3e4e6; --quiet: #9a9fa6; --line: #30343a; --soft: #262a2f;
    --good: #6dc08d; --wait: #e0ad55; --bad: #ee8377; --link: #8db7ef; --bar: #46566a;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--ground); color: var(--ink);
  font: 16px/1.55 ui-sans-serif, system-ui, -apple-system, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif;
  font-variant-numeric: tabular-nums; overflow-wrap: anywhere;
}
main { max-width: 56rem; margin: 0 auto; padding: 3rem 1.5rem 4rem; }
header { margin-bottom: 1.75rem; }
.period { margin: 0; color: var(--quiet); font-size: .875rem; }
h1 { margin: .35rem 0 0; font-size: 1.75rem; line-height: 1.25; font-weight: 600; text-wrap: balance; }
h2 { margin: 2.75rem 0 .75rem; font-size: 1.125rem; font-weight: 650; }
h3 { margin: 1.25rem 0 .4rem; font-size: .8125rem; font-weight: 600; color: var(--quiet); }
p { margin: 0; }
a {
  color: var(--link); text-underline-offset: .15em;
  text-decoration-color: color-mix(in srgb, currentColor 35%, transparent);
}
a:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: 2px; }
a.cited { color: inherit; text-decoration: underline dotted var(--quiet); text-decoration-thickness: 1px; }
a.cited:hover { color: var(--link); }
.lead { font-weight: 400; font-size: .8125rem; }
.quiet, .unknown { color: var(--quiet); }
code {
  font: .875em/1.4 ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  background: var(--soft); padding: .1em .3em; border-radius: 4px;
}
.glance {
  display: flex; flex-wrap: wrap; gap: 1px; margin: 0;
  background: var(--line); border: 1px solid var(--line); border-radius: 10px; overflow: hidden;
}
.tile { flex: 1 1 8.25rem; background: var(--paper); padding: .85rem .9rem .95rem; }
.tile dt { color: var(--quiet); font-size: .8125rem; }
.tile dd { margin: 0; }
.tile .value { display: block; font-size: 1.375rem; line-height: 1.35; font-weight: 600; white-space: nowrap; }
.tile .value a.cited { text-decoration-color: transparent; }
.tile .value a.cited:hover { text-decoration-color: currentColor; }
.tile .note { display: block; color: var(--quiet); font-size: .8125rem; line-height: 1.4; }
.tile.good .value { color: var(--good); }
.tile.wait .value { color: var(--wait); }
.tile.bad .value { color: var(--bad); }
.entries { margin: 0; padding: 0; list-style: none; counter-reset: entry; }
.entries > li {
  position: relative; padding: .6rem 0 .6rem 1.9rem; border-top: 1px solid var(--line); counter-increment: entry;
}
.entries > li:first-child { border-top: 0; padding-top: .2rem; }
.entries > li:first-child::before { top: .2rem; }
ol.entries > li::before {
  content: counter(entry); position: absolute; left: 0; top: .6rem;
  width: 1.2rem; color: var(--quiet); font-weight: 600;
}
ul.entries > li { padding-left: .9rem; }
ul.entries > li::before {
  content: ""; position: absolute; left: 0; top: .75rem; bottom: .75rem;
  width: 3px; border-radius: 2px; background: var(--line);
}
ul.entries > li:first-child::before { top: .4rem; }
ol.entries > li.bad::before { color: var(--bad); } ol.entries > li.wait::before { color: var(--wait); }
ul.entries > li.good::before { background: var(--good); } ul.entries > li.wait::before { background: var(--wait); }
ul.entries > li.bad::before { background: var(--bad); }
.entries p + p { margin-top: .2rem; font-size: .9375rem; }
.command { display: flex; gap: .6rem; align-items: baseline; }
.command span { flex: none; color: var(--quiet); font-size: .8125rem; }
.command span:empty { display: none; }
.command code { user-select: all; -webkit-user-select: all; }
.say { margin: .75rem 0; }
.say.good { color: var(--good); } .say.bad { color: var(--bad); }
table { width: 100%; border-collapse: collapse; font-size: .9375rem; margin: .25rem 0 1rem; }
th { text-align: left; font-size: .8125rem; font-weight: 600; color: var(--quiet); white-space: nowrap; }
th, td { padding: .45rem .75rem .45rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th:last-child, td:last-child { padding-right: 0; }
th.n, td.n { text-align: right; white-space: nowrap; }
.slim { display: inline-table; width: auto; min-width: 18rem; margin-right: 3rem; vertical-align: top; }
.slim th.n, .slim td.n { padding-left: 1.5rem; }
.figures td:first-child code, .figures td:not(.prose):not(:first-child) { white-space: nowrap; }
.bars { list-style: none; margin: 0; padding: 0; font-size: .9375rem; }
.bars li {
  display: grid; grid-template-columns: 15rem 1fr 6rem 4.5rem; gap: .75rem; align-items: baseline; padding: .2rem 0;
}
.bars .n { text-align: right; white-space: nowrap; }
.bars .note { color: var(--quiet); font-size: .8125rem; }
.track { align-self: center; height: .5rem; background: var(--soft); border-radius: 3px; }
.bar { display: block; height: 100%; min-width: 2px; background: var(--bar); border-radius: 3px; }
#record { margin-top: 3.5rem; border-top: 1px solid var(--line); font-size: .8125rem; }
#record h2 { margin-top: 1.5rem; font-size: .9375rem; }
#record table { font-size: inherit; }
#record td { color: var(--quiet); padding-top: .3rem; padding-bottom: .3rem; }
#record td:nth-child(-n+2) { white-space: nowrap; }
#record code { user-select: all; -webkit-user-select: all; background: none; padding: 0; }
#record tr:target td { background: var(--soft); color: var(--ink); }
@media (max-width: 40rem) {
  main { padding: 1.5rem 1rem 3rem; }
  h1 { font-size: 1.375rem; }
  .tile { flex-basis: 40%; }
  .command { flex-wrap: wrap; gap: 0 .6rem; }
  .figures:not(.slim) thead { display: none; }
  .figures:not(.slim) tr { display: block; padding: .5rem 0; border-bottom: 1px solid var(--line); }
  .figures:not(.slim) td {
    display: flex; justify-content: space-between; gap: 1rem; border: 0; padding: .1rem 0;
    text-align: right; white-space: normal;
  }
  .figures:not(.slim) td::before { content: attr(data-is); flex: none; color: var(--quiet); font-size: .8125rem; }
  .figures:not(.slim) td:first-child { display: block; text-align: left; }
  .figures:not(.slim) td:first-child::before, .figures:not(.slim) td[data-is=""]::before { content: none; }
  .figures:not(.slim) td.prose { display: block; text-align: left; }
  .figures:not(.slim) td.prose::before { content: none; }
  .slim { display: table; width: 100%; min-width: 0; margin-right: 0; }
  .slim th.n, .slim td.n { padding-left: .5rem; }
  .bars li { grid-template-columns: 1fr auto; gap: .1rem .75rem; }
  .track { grid-column: 1 / -1; grid-row: 2; } .bars .note { display: none; }
  #record tr { display: block; padding: .4rem 0; border-bottom: 1px solid var(--line); }
  #record td { display: inline; border: 0; padding: 0; }
  #record td:nth-child(3) { display: block; }
}
@media print {
  :root {
    color-scheme: light;
    --ground: #fff; --paper: #fff; --ink: #000; --quiet: #555; --line: #ccc; --soft: #f2f2f2;
    --good: #1d5c38; --wait: #7a4f00; --bad: #8f2318; --link: #000; --bar: #bbb;
  }
  body { font-size: 10.5pt; } main { max-width: none; padding: 0; }
  h2 { break-after: avoid; } tr, .entries > li, .tile { break-inside: avoid; }
  a { text-decoration: none; }
  .bar, .track, .tile { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""
