// Filter: conditions on columns, written for the reader as the expression that is sent.

import { el, ICONS, icon, swap } from "./dom.js";

const SIGNS = [["==", "is"], ["!=", "is not"], [">", "above"], [">=", "at least"], ["<", "below"], ["<=", "at most"]];

export function filterPanel(columns, start, changed) {
  const names = (Array.isArray(columns) ? columns.map((one) => one.name ?? one) : Object.keys(columns));
  const text = el("input", {
    id: "filter", type: "text", spellcheck: "false", autocapitalize: "off", autocomplete: "off",
    placeholder: names.length ? `${names[0]} == "..."` : "", value: start, "aria-describedby": "filter-help",
  });
  const column = el("select", { id: "f-column" }, names.map((name) => el("option", { value: name }, name)));
  const sign = el("select", { id: "f-sign" }, SIGNS.map(([code, said]) => el("option", { value: code }, said)));
  const value = el("input", { id: "f-value", type: "text", autocomplete: "off", spellcheck: "false" });
  const chips = el("ul", { cls: "conditions", "aria-label": "Conditions" });
  const count = el("b", { cls: "count" });
  const button = el("button", { type: "button", cls: "quiet", "aria-expanded": "false", "aria-controls": "filters" },
    icon(ICONS.filter), "Filters", count);
  const panel = el("fieldset", { id: "filters", cls: "filters", hidden: true },
    el("legend", { cls: "unseen" }, "Filters"),
    el("div", { cls: "row add" },
      el("label", { for: "f-column" }, "Column", column),
      el("label", { for: "f-sign" }, "Rule", sign),
      el("label", { for: "f-value", cls: "grow" }, "Value", value),
      el("button", { type: "button", cls: "quiet", onclick: add }, icon(ICONS.plus), "Add")),
    chips,
    el("label", { for: "filter" }, "Expression", text),
    el("p", { id: "filter-help", cls: "soft small" }, "Conditions joined by ", el("code", {}, "and"), ", ",
      el("code", {}, "or"), ", ", el("code", {}, "not"), " and brackets; texts in quotes."));
  value.addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); add(); } });
  text.addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); update(); } });
  text.addEventListener("change", () => update());
  button.addEventListener("click", () => open(panel.hidden));

  function open(wanted) {
    panel.hidden = !wanted;
    button.setAttribute("aria-expanded", String(wanted));
    if (wanted) column.focus();
  }

  function add() {
    const raw = value.value.trim();
    if (!raw) { value.focus(); return; }
    const said = /^-?\d+(\.\d+)?$/.test(raw) ? raw : JSON.stringify(raw);
    const one = `${column.value} ${sign.value} ${said}`;
    text.value = text.value.trim() ? `${text.value.trim()} and ${one}` : one;
    value.value = "";
    value.focus();
    update();
  }

  function remove(at) {
    text.value = conditions().filter((_, number) => number !== at).join(" and ");
    update();
    value.focus();
  }

  function conditions() {
    const said = text.value.trim();
    if (!said || /\bor\b|[()]/.test(said)) return said ? [said] : [];
    return said.split(/\s+and\s+(?=(?:[^"]*"[^"]*")*[^"]*$)/);
  }

  function draw() {
    const parts = conditions();
    count.textContent = parts.length ? String(parts.length) : "";
    swap(chips, parts.map((one, at) => el("li", {}, el("code", {}, one),
      el("button", { type: "button", "aria-label": `Remove ${one}`, onclick: () => remove(at) }, icon(ICONS.cross)))));
  }

  function update() {
    draw();
    changed();
  }

  draw();
  if (start) { panel.hidden = false; button.setAttribute("aria-expanded", "true"); }
  return { button, panel, value: () => text.value.trim() };
}
