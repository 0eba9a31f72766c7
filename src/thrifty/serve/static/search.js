// Search: a box, filters, and results that say why they were found.

import { askJson } from "./api.js";
import { bytes, el, ICONS, icon, number, plural, swap, told } from "./dom.js";
import { filterPanel } from "./filter.js";

const TITLES = ["title", "name", "subject", "headline"];
const SIZES = [10, 20, 50, 100];
const PAUSE = 250;
const PARTS = ["part", "term", "field", "tf", "df", "idf", "weight", "score"];

export async function searchView(name, query) {
  const about = await askJson(`/v1/indexes/${encodeURIComponent(name)}`);
  return new Search(name, about, query).root;
}

function lead(about) {
  const parts = [plural(about.documents ?? 0, "document")];
  const fields = fieldNames(about);
  if (fields.length) parts.push(`searched in ${fields.join(" and ")}`);
  if (about.nbytes ?? about.bytes) parts.push(bytes(about.nbytes ?? about.bytes));
  if (about.has_vectors) parts.push("words and meaning together");
  return parts.join(" \u00b7 ");
}

function fieldNames(about) {
  return Array.isArray(about.fields) ? about.fields : Object.keys(about.fields || {});
}

class Search {
  constructor(name, about, query) {
    this.name = name;
    this.about = about;
    this.timer = 0;
    this.turn = null;
    this.box = el("input", {
      id: "q", type: "search", placeholder: "Search", autocomplete: "off", spellcheck: "false", enterkeyhint: "search",
      "data-start": true, value: query.get("q") || "",
    });
    this.size = el("select", { id: "k" }, SIZES.map((k) => el("option", { value: k, selected: String(k) === query.get("k") }, String(k))));
    this.why = el("input", { id: "why", type: "checkbox", checked: query.get("explain") === "1" });
    this.filters = filterPanel(about.columns || fieldNames(about), query.get("filter") || "", () => this.run());
    this.status = el("p", { id: "status", cls: "status", role: "status", "aria-live": "polite" });
    this.results = el("ol", { cls: "hits", "aria-label": "Results" });
    this.root = this.build();
    if (this.box.value) this.run();
    else this.hint();
  }

  build() {
    const form = el("form", { cls: "ask", role: "search", onsubmit: (event) => { event.preventDefault(); this.run(); } },
      el("label", { for: "q", cls: "unseen" }, `Search ${this.name}`),
      el("div", { cls: "box" }, icon(ICONS.search), this.box, el("button", { cls: "main", type: "submit" }, "Search")),
      el("div", { cls: "row tools" },
        this.filters.button,
        el("label", { cls: "switch", for: "why" }, this.why, el("span", { cls: "track" }), "Explain"),
        el("label", { cls: "pick push", for: "k" }, "Results", this.size)),
      this.filters.panel);
    this.box.addEventListener("input", () => { clearTimeout(this.timer); this.timer = setTimeout(() => this.run(), PAUSE); });
    this.size.addEventListener("change", () => this.run());
    this.why.addEventListener("change", () => this.run());
    return el("div", { cls: "view" },
      el("h1", {}, this.name), el("p", { cls: "lead" }, lead(this.about)), form, this.status, this.results);
  }

  hint() {
    this.status.textContent = "";
    const say = (code, text) => el("li", {}, el("code", {}, code), el("span", {}, text));
    swap(this.results, el("li", { cls: "empty" },
      el("p", {}, "Type a few words, best those that a good answer would hold."),
      el("ul", { cls: "syntax" },
        say("\"two words\"", "side by side, in that order"), say("begin*", "any word that begins so"),
        say(`${fieldNames(this.about)[0] || "title"}:word`, "the word in that field"))));
  }

  async run() {
    clearTimeout(this.timer);
    this.turn?.abort();
    const turn = new AbortController();
    this.turn = turn;
    const asked = { q: this.box.value.trim(), k: Number(this.size.value), explain: this.why.checked };
    const filter = this.filters.value();
    if (filter) asked.filter = filter;
    this.remember(asked);
    if (!asked.q) { this.hint(); return; }
    this.results.setAttribute("aria-busy", "true");
    const start = performance.now();
    try {
      const { hits } = await askJson(`/v1/indexes/${encodeURIComponent(this.name)}/search`, asked, turn.signal);
      this.show(hits, performance.now() - start, asked);
    } catch (error) {
      if (error.name === "AbortError") return;
      this.status.textContent = "";
      swap(this.results, el("li", { cls: "plain" }, told(error)));
    } finally {
      if (this.turn === turn) this.results.removeAttribute("aria-busy");
    }
  }

  remember(asked) {
    const said = new URLSearchParams();
    if (asked.q) said.set("q", asked.q);
    if (asked.filter) said.set("filter", asked.filter);
    if (asked.k !== SIZES[0]) said.set("k", asked.k);
    if (asked.explain) said.set("explain", "1");
    const query = said.toString();
    history.replaceState(null, "", `#/index/${encodeURIComponent(this.name)}${query ? `?${query}` : ""}`);
  }

  show(hits, ms, asked) {
    const took = `${number(Math.max(ms, 0.1), 2)} ms`;
    this.status.textContent = hits.length ? `${plural(hits.length, "result")} in ${took}` : "";
    const most = Math.max(...hits.map((hit) => hit.score), 0);
    if (hits.length) swap(this.results, hits.map((hit) => card(hit, most, this.about.id)));
    else {
      this.status.textContent = "No results";
      swap(this.results, el("li", { cls: "empty" },
        el("p", {}, "Nothing was found for ", el("b", {}, asked.q), asked.filter ? " with these filters." : "."),
        el("p", { cls: "soft" }, "Fewer or other words may find more.")));
    }
  }
}

function card(hit, most, key) {
  const fields = hit.fields || {};
  const snippets = hit.snippets || {};
  const title = TITLES.find((name) => fields[name]);
  const head = snippets[title] ? marked(snippets[title]) : String(fields[title] ?? hit.id);
  const link = safe(fields.url ?? fields.link ?? fields.href);
  const texts = Object.keys(snippets).filter((name) => name !== title && snippets[name].length);
  const body = texts.find((name) => snippets[name].some((piece) => piece.mark)) ?? texts[0];
  const text = body ? marked(snippets[body]) : longest(fields, title, key);
  const rest = Object.entries(fields).filter(([name, value]) => name !== title && name !== key && name !== body && isShort(value) && !safe(value));
  return el("li", { cls: "hit" },
    el("article", {},
      el("header", {},
        el("h2", {}, link ? el("a", { href: link, rel: "noopener noreferrer", referrerpolicy: "no-referrer" }, head) : head),
        score(hit.score, most)),
      text ? el("p", { cls: "snippet" }, text) : null,
      el("dl", { cls: "chips" }, el("div", {}, el("dt", {}, "id"), el("dd", {}, String(hit.id))),
        rest.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, shown(value))))),
      reasons(hit.explain)));
}

function score(value, most) {
  const share = most > 0 ? Math.max(0, value) / most : 0;
  return el("span", { cls: "score", title: "score" },
    el("span", { cls: "unseen" }, "score "), number(value, 4),
    el("span", { cls: "meter", "aria-hidden": "true" }, el("i", { style: { width: `${(share * 100).toFixed(1)}%` } })));
}

export function marked(pieces) {
  if (typeof pieces === "string") return pieces;
  return pieces.map((piece) => (piece.mark ? el("mark", {}, piece.text) : piece.text));
}

function longest(fields, title, key) {
  const texts = Object.entries(fields).filter(([name, value]) => name !== title && name !== key && typeof value === "string" && value.length > 60);
  const text = texts.map(([, value]) => value).sort((a, b) => b.length - a.length)[0];
  return text ? (text.length > 280 ? `${text.slice(0, 280)}...` : text) : null;
}

function isShort(value) {
  return value !== null && value !== undefined && value !== "" && shown(value).length <= 60;
}

function shown(value) {
  if (Array.isArray(value)) return value.join(", ");
  if (typeof value === "object" && value !== null) return JSON.stringify(value);
  return String(value);
}

function safe(value) {
  return typeof value === "string" && /^https?:\/\//i.test(value) ? value : null;
}

function reasons(explain) {
  const parts = Array.isArray(explain) ? explain : [];
  if (!parts.length) return null;
  const heads = PARTS.filter((key) => parts.some((part) => part[key] !== null && part[key] !== undefined));
  const most = Math.max(...parts.map((part) => Math.abs(part.score ?? 0)), 1e-9);
  const numeric = (key) => (parts.some((part) => typeof part[key] === "number") ? "number" : null);
  const cell = (part, key, at) => (at === 0 ? el("th", { scope: "row" }, String(part[key] ?? ""))
    : el("td", { cls: numeric(key) }, number(part[key], 3)));
  const bar = (part) => el("td", { cls: "grow" }, el("span", { cls: "meter", "aria-hidden": "true" },
    el("i", { style: { width: `${(Math.abs(part.score ?? 0) / most * 100).toFixed(1)}%` } })));
  return el("details", { cls: "why", open: true }, el("summary", {}, "Why this result"),
    el("div", { cls: "wide", tabindex: "0", role: "region", "aria-label": "Parts of the score" }, el("table", {},
      el("thead", {}, el("tr", {}, heads.map((key) => el("th", { scope: "col", cls: numeric(key) }, key)),
        el("td", {}))),
      el("tbody", {}, parts.map((part) => el("tr", {}, heads.map((key, at) => cell(part, key, at)), bar(part)))))));
}
