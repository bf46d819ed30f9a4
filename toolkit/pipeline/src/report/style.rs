//! The style sheet of a report. Colours are variables, so that dark is a change of variables.

/// The whole sheet.
pub(super) const STYLE: &str = "
:root { color-scheme: light dark; --paper: #fdfdfb; --ink: #1d2329; --soft: #5c6670; --rule: #d9dcdf;
  --box: #f0f2f1; --one: #0b6e99; --two: #b4531a; --three: #5b7f1f; --mute: #a3acb4;
  --for: 66, 153, 225; --against: 240, 140, 60; --both: 130, 138, 146;
  --same: 11 110 153; --other: 200 90 20; }
@media (prefers-color-scheme: dark) { :root { --paper: #15191d; --ink: #e6e8ea; --soft: #a2abb3; --rule: #343b42;
  --box: #20262c; --one: #5bb8e6; --two: #f0a06a; --three: #a9cf6b; --mute: #65707a;
  --for: 45, 125, 200; --against: 205, 105, 30; --both: 120, 130, 140;
  --same: 91 184 230; --other: 240 150 90; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 46rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: .5rem 0; }
h2 { font-size: 1.15rem; margin: 0 0 .4rem; }
section { border-top: 1px solid var(--rule); margin-top: 1.6rem; padding-top: 1.2rem; }
p { margin: .5rem 0; overflow-wrap: anywhere; }
.lead { color: var(--soft); font-size: 1.05rem; }
.note { color: var(--soft); font-size: .82rem; }
pre { background: var(--box); border-radius: 6px; padding: .6rem .8rem; margin: .6rem 0; font-size: .82rem;
  white-space: pre-wrap; overflow-wrap: anywhere; }
code { font-family: ui-monospace, monospace; }
blockquote { margin: .6rem 0; padding: .1rem 0 .1rem .9rem; border-left: 3px solid var(--one); white-space: pre-line;
  overflow-wrap: anywhere; }
.boxes span { display: inline-block; background: var(--box); border: 1px solid var(--rule); border-radius: 4px;
  padding: 0 .35rem; margin: .1rem 0; font-size: .9rem; }
.shaded { line-height: 1.9; }
.shaded span { border-radius: 3px; padding: .1em .15em; border-bottom: 2px solid transparent; }
.shaded .to { background: rgba(var(--for), var(--s)); }
.shaded .away { background: rgba(var(--against), var(--s)); }
.shaded .both { background: rgba(var(--both), calc(.6 * var(--s))); }
.shaded .both.strong { border-bottom: 2px dotted var(--mute); }
.shaded .to.strong { border-bottom-color: var(--one); }
.shaded .away.strong { border-bottom: 2px dashed var(--two); }
.shaded .dim { color: var(--soft); font-size: .8em; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; margin: .6rem 0; font-size: .92rem; }
th, td { text-align: left; padding: .35rem .6rem .35rem 0; border-bottom: 1px solid var(--rule); vertical-align: top; }
th { color: var(--soft); font-weight: 600; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
td.number { white-space: nowrap; } th { vertical-align: bottom; }
.remarked td { border-bottom: none; padding-bottom: 0; }
.remark { white-space: pre-line; color: var(--soft); font-size: .88rem; overflow-wrap: anywhere; }
dl { margin: .8rem 0; } dl div { display: flex; gap: .8rem; border-bottom: 1px solid var(--rule); padding: .3rem 0; }
dt { color: var(--soft); flex: 0 0 7.5rem; } dd { margin: 0; overflow-wrap: anywhere; min-width: 0; }
summary { cursor: pointer; color: var(--one); }
.matrix { width: auto; } .matrix thead th { font-size: .82rem; white-space: nowrap; }
.matrix thead span { writing-mode: vertical-rl; transform: rotate(180deg); }
.matrix tbody th { position: sticky; left: 0; background: var(--paper); font-weight: 400; color: var(--ink);
  font-size: .85rem; }
.matrix td { text-align: center; min-width: 1.9rem; padding: .35rem .1rem; font-variant-numeric: tabular-nums;
  border: 1px solid var(--paper); }
.matrix .h0 { color: var(--mute); }
.same.h1 { background: rgb(var(--same) / .12); } .other.h1 { background: rgb(var(--other) / .12); }
.same.h2 { background: rgb(var(--same) / .22); } .other.h2 { background: rgb(var(--other) / .22); }
.same.h3 { background: rgb(var(--same) / .32); } .other.h3 { background: rgb(var(--other) / .32); }
.same.h4 { background: rgb(var(--same) / .42); } .other.h4 { background: rgb(var(--other) / .42); }
.same.h5 { background: rgb(var(--same) / .52); } .other.h5 { background: rgb(var(--other) / .52); }
.side { display: grid; gap: 0 1.2rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 19rem), 1fr)); }
figure { margin: 1rem 0; min-width: 0; }
figcaption { color: var(--soft); font-size: .9rem; }
svg { display: block; width: 100%; max-width: 34rem; height: auto; overflow: visible; }
svg text { fill: var(--ink); font: 12px system-ui, sans-serif; }
.side svg text { font-size: 13px; }
svg .soft { fill: var(--soft); }
svg .grid { stroke: var(--rule); }
svg .line { fill: none; stroke-width: 2; stroke-linejoin: round; }
svg .s0 { stroke: var(--one); } svg .s1 { stroke: var(--two); stroke-dasharray: 6 4; }
svg .s2 { stroke: var(--three); stroke-dasharray: 2 3; }
svg .pale { stroke-width: 1; opacity: .45; }
svg .d0 { fill: var(--one); } svg .d1 { fill: var(--two); } svg .d2 { fill: var(--three); }
svg .track { fill: var(--box); } svg .plain { fill: var(--mute); } svg .strong { fill: var(--one); }
svg .whisker { stroke: var(--ink); stroke-width: 1.5; }
";
