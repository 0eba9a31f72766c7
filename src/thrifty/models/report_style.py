"""Report style: the looks of the page, as CSS; colours are variables, set for light and dark."""

__all__ = ["STYLE"]

STYLE = """
:root { color-scheme: light dark;
  --ground: #faf9f5; --card: #ffffff; --ink: #1d2126; --soft: #59616b; --line: #dcdad2;
  --accent: #0b6e69; --accent-soft: #0b6e6918; --warm: #a8480a; --warm-soft: #fdf0e3;
  --p0: #b9bec5; --p1: #0b6e69; --p2: #4ba39d; --p3: #d98a3d; --p4: #6b7fc4; --p5: #b65c86;
  --p6: #8f9a3a; --p7: #7a5230; --p8: #2f4f8f; --p9: #c9a227; --p10: #5f8f4e; --p11: #8a6fb0;
  --p12: #a33b2f; }
@media (prefers-color-scheme: dark) { :root {
  --ground: #14171a; --card: #1c2024; --ink: #e9e7e1; --soft: #a4abb3; --line: #343a41;
  --accent: #5fd0c5; --accent-soft: #5fd0c51c; --warm: #f2a765; --warm-soft: #33261a;
  --p0: #5b636c; --p1: #46b8ae; --p2: #2b7f79; --p3: #d98a3d; --p4: #8899dc; --p5: #cf7fa5;
  --p6: #a9b455; --p7: #b38a64; --p8: #5f86d6; --p9: #e0c04a; --p10: #86bb74; --p11: #b398db;
  --p12: #d9695c; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2.5rem 1.25rem 3rem; max-width: 58rem; background: var(--ground);
  color: var(--ink); font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans",
  sans-serif; }
h1, p, td, li { overflow-wrap: anywhere; }
.brand { margin: 0; color: var(--accent); font-weight: 700; letter-spacing: .02em; }
h1 { margin: .1rem 0 0; font-size: clamp(1.5rem, 5vw, 2.2rem); line-height: 1.2;
  letter-spacing: -.015em; text-wrap: balance; }
.lead { margin: .5rem 0 0; color: var(--soft); font-size: 1.05rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .75rem;
  margin: 1.75rem 0 0; }
.tiles div { background: var(--card); border: 1px solid var(--line); border-radius: .75rem;
  padding: .8rem 1rem; }
.tiles dt { color: var(--soft); font-size: .875rem; }
.tiles dd { margin: 0; }
.tiles b { display: block; font-size: 1.6rem; line-height: 1.25; letter-spacing: -.01em;
  font-variant-numeric: tabular-nums; }
.tiles div:first-child b { color: var(--accent); }
.tiles span { color: var(--soft); font-size: .875rem; }
.notice { margin: 1rem 0 0; padding: .6rem 1rem; border-left: 4px solid var(--warm);
  border-radius: .25rem; background: var(--warm-soft); }
section { margin-top: 2.75rem; }
h2 { margin: 0 0 .6rem; font-size: 1.25rem; letter-spacing: -.01em; }
p { margin: .6rem 0; max-width: 44rem; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 19rem), 1fr));
  gap: .75rem; }
figure { margin: 0; padding: .8rem .8rem .4rem; background: var(--card);
  border: 1px solid var(--line); border-radius: .75rem; }
figcaption { font-weight: 600; }
svg { display: block; width: 100%; height: auto; overflow: visible; }
svg text { fill: var(--soft); font-size: 13px; font-variant-numeric: tabular-nums; }
.bar { height: 2.75rem; border-radius: .4rem; overflow: hidden; }
.free { fill: var(--line); }
.peak { stroke: var(--ink); stroke-width: 3; stroke-dasharray: 4 3;
  vector-effect: non-scaling-stroke; }
rect[class^=part] { fill: var(--part); }
.part0 { --part: var(--p0); } .part1 { --part: var(--p1); } .part2 { --part: var(--p2); } .part3 {
--part: var(--p3); } .part4 { --part: var(--p4); } .part5 { --part: var(--p5); } .part6 { --part:
var(--p6); } .part7 { --part: var(--p7); } .part8 { --part: var(--p8); } .part9 { --part:
var(--p9); } .part10 { --part: var(--p10); } .part11 { --part: var(--p11); } .part12 { --part:
var(--p12); }
.legend { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 17rem), 1fr));
  gap: .2rem 2rem; margin: .8rem 0 0; padding: 0; list-style: none; }
.legend li { display: flex; align-items: baseline; gap: .5rem; }
.legend i { flex: none; width: .8rem; height: .8rem; border-radius: .2rem;
  background: var(--part); }
.legend .dashed { background: none; border-left: 3px dashed var(--ink); border-radius: 0; }
.legend b { margin-left: auto; white-space: nowrap; font-weight: 600;
  font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; }
.wide:focus-visible, summary:focus-visible { outline: 2px solid var(--accent);
  outline-offset: 2px; }
table { width: 100%; border-collapse: collapse; }
caption { padding-bottom: .4rem; color: var(--soft); text-align: left; }
th, td { padding: .4rem .9rem .4rem 0; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: top; }
thead th { color: var(--soft); font-size: .875rem; font-weight: 600; }
tbody th { font-weight: 600; min-width: 5.5rem;
  overflow-wrap: break-word; }
.number { font-variant-numeric: tabular-nums; white-space: nowrap; }
details { margin-top: .9rem; }
summary { cursor: pointer; color: var(--accent); font-weight: 600; }
code { font-size: .9em; }
footer { margin-top: 3rem; padding-top: 1rem; border-top: 1px solid var(--line);
  color: var(--soft); font-size: .875rem; }
@media print { body { max-width: none; } details > * { display: block; } }
"""
