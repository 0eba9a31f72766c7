// What a person who sees badly, or has no mouse, would stumble over; nothing is good.
() => {
  const wrong = [];
  const shown = (e) => { const r = e.getBoundingClientRect(); const s = getComputedStyle(e);
    return r.width > 1 && r.height > 1 && s.visibility !== "hidden" && s.display !== "none"; };
  for (const e of document.querySelectorAll("input, select, textarea"))
    if (!(e.labels && e.labels.length) && !e.getAttribute("aria-label"))
      wrong.push("no label: " + e.id);
  for (const e of document.querySelectorAll("button, a, summary"))
    if (!(e.textContent.trim() || e.getAttribute("aria-label"))) wrong.push("no name: " + e.outerHTML);
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  if (new Set(ids).size !== ids.length) wrong.push("ids twice");
  for (const e of document.querySelectorAll("[aria-describedby], [aria-controls], [aria-labelledby]"))
    for (const name of ["aria-describedby", "aria-controls", "aria-labelledby"])
      for (const id of (e.getAttribute(name) || "").split(" ").filter(Boolean))
        if (!document.getElementById(id)) wrong.push(name + " of nothing: " + id);
  if (document.querySelectorAll("h1").length !== 1) wrong.push("not one h1");
  if (document.documentElement.scrollWidth > innerWidth) wrong.push("wider than the screen");
  const parse = (c) => { const n = c.match(/[\d.]+/g).map(Number);
    return c.startsWith("color(") ? [...n.slice(0, 3).map((x) => x * 255), n[3] ?? 1] : [...n.slice(0, 3), n[3] ?? 1]; };
  const ground = (e) => { const stack = [];
    for (let at = e; at; at = at.parentElement) {
      const c = parse(getComputedStyle(at).backgroundColor); if (c[3] > 0) stack.push(c); if (c[3] === 1) break; }
    return stack.reverse().reduce((under, c) => [0, 1, 2].map((i) => c[i] * c[3] + under[i] * (1 - c[3])), [255, 255, 255]); };
  const light = (c) => { const l = c.slice(0, 3).map((x) => x / 255).map((x) => x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
    return 0.2126 * l[0] + 0.7152 * l[1] + 0.0722 * l[2]; };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.textContent.trim() || !shown(e) || e.closest("noscript, dialog:not([open])")) continue;
    const [a, b] = [light(parse(getComputedStyle(e).color)), light(ground(e))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) wrong.push("contrast " + ratio.toFixed(2) + ": " + walk.currentNode.textContent.trim().slice(0, 30));
  }
  return wrong;
}
