// Predict: a form from the model's columns, answers with their chances, and what moved them.

import { askJson } from "./api.js";
import { bytes, el, number, plural, swap, told } from "./dom.js";

const HINTS = {
  text: "text", category: "category", number: "number", date: "date", list: "list, parted by commas", sparse: "JSON list",
};

export async function predictView(name) {
  const about = await askJson(`/v1/models/${encodeURIComponent(name)}`);
  return new Predict(name, about).root;
}

export function modelHead(name, about, part) {
  const own = `#/model/${encodeURIComponent(name)}`;
  const tab = (href, text, on) => el("a", { href, "aria-current": on ? "page" : null }, text);
  return [
    el("h1", {}, name),
    el("p", { cls: "lead" }, lead(about)),
    el("nav", { cls: "tabs", "aria-label": "Parts of the model" },
      tab(own, "Predict", part === "predict"), tab(`${own}/report`, "Report", part === "report")),
  ];
}

function lead(about) {
  const what = { one: `one of ${plural(about.classes, "class", "classes")}`, many: `some of ${plural(about.classes, "label")}`, number: "a number" };
  return [`${about.target}: ${what[about.task]}`, `learned from ${plural(about.rows, "row")}`, bytes(about.nbytes)].join(" \u00b7 ");
}

class Predict {
  constructor(name, about) {
    this.name = name;
    this.about = about;
    this.fields = about.columns.map((column, at) => field(column, at));
    this.answer = el("section", { cls: "answer", "aria-live": "polite", "aria-labelledby": "answer-title", tabindex: "-1" },
      el("h2", { id: "answer-title" }, "Answer"), el("p", { cls: "soft" }, "Fill in what you know; what is left empty counts as missing."));
    const form = el("form", { cls: "form", onsubmit: (event) => { event.preventDefault(); this.run(); } },
      el("div", { cls: about.columns.length > 3 ? "grid" : "stack" }, this.fields.map((one) => one.root)),
      el("div", { cls: "row end" },
        el("button", { type: "reset", cls: "quiet" }, "Clear"), el("button", { type: "submit", cls: "main" }, "Predict")));
    this.root = el("div", { cls: "view" }, modelHead(name, about, "predict"), el("div", { cls: "two" }, form, this.answer));
  }

  async run() {
    const row = {};
    for (const one of this.fields) {
      one.wrong("");
      try {
        const value = one.value();
        if (value !== null) row[one.name] = value;
      } catch (error) {
        one.wrong(error.message);
        one.input.focus();
        return;
      }
    }
    this.answer.setAttribute("aria-busy", "true");
    try {
      const asked = { rows: [row], top: Math.max(1, Math.min(5, this.about.classes || 1)), explain: true };
      const { predictions } = await askJson(`/v1/models/${encodeURIComponent(this.name)}/predict`, asked);
      this.show(predictions[0]);
    } catch (error) {
      swap(this.answer, el("h2", { id: "answer-title" }, "Answer"), told(error));
    } finally {
      this.answer.removeAttribute("aria-busy");
    }
    if (!matchMedia("(min-width: 60rem)").matches) this.answer.scrollIntoView({ block: "start", behavior: calm() });
  }

  show(found) {
    const said = Array.isArray(found.predicted) ? found.predicted.join(", ") || "none of the labels" : number(found.predicted, 6);
    swap(this.answer,
      el("h2", { id: "answer-title" }, this.about.target),
      el("p", { cls: "said" }, said),
      found.top ? chances(found.top, found.predicted) : null,
      found.because?.length ? moved(found.because, this.about.task === "number" ? this.about.target : found.top[0].class) : null);
  }
}

function calm() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
}

function field(column, at) {
  const id = `f${at}`;
  const wordy = column.kind === "text" || column.kind === "sparse";
  const input = wordy ? el("textarea", { id, rows: 3 })
    : el("input", { id, type: "text", inputmode: column.kind === "number" ? "decimal" : null, autocomplete: "off", spellcheck: "false" });
  const wrong = el("p", { cls: "wrong", id: `${id}-wrong`, role: "alert" });
  input.setAttribute("aria-describedby", `${id}-kind ${id}-wrong`);
  if (at === 0) input.setAttribute("data-start", "");
  return {
    name: column.name,
    input,
    wrong: (text) => { wrong.textContent = text; input.toggleAttribute("aria-invalid", Boolean(text)); if (text) input.setAttribute("aria-invalid", "true"); },
    value: () => valueOf(input.value.trim(), column),
    root: el("div", { cls: wordy ? "field wordy" : "field" },
      el("div", { cls: "labels" }, el("label", { for: id }, column.name), el("span", { cls: "kind", id: `${id}-kind` }, HINTS[column.kind] || column.kind)),
      input, wrong),
  };
}

function valueOf(text, column) {
  if (text === "") return null;
  if (column.kind === "number") {
    const value = Number(text.replace(/,/g, ""));
    if (!Number.isFinite(value)) throw new Error("must be a number");
    return value;
  }
  if (column.kind === "list" && column.separator !== "json") {
    return column.separator ? text : text.split(",").map((one) => one.trim()).filter(Boolean);
  }
  if (column.kind === "sparse") {
    try { return JSON.parse(text); } catch { throw new Error("must be a JSON list such as [1, 2]"); }
  }
  return text;
}

function chances(top, predicted) {
  const said = new Set((Array.isArray(predicted) ? predicted : [predicted]).map(String));
  return el("ol", { cls: "chances", "aria-label": "Best answers" }, top.map((one) => {
    const share = Math.max(0, Math.min(1, one.probability ?? 0));
    return el("li", { cls: said.has(String(one.class)) ? "own" : null },
      el("span", { cls: "name" }, String(one.class)),
      el("span", { cls: "share" }, `${(share * 100).toFixed(1)} %`),
      el("span", { cls: "meter", "aria-hidden": "true" }, el("i", { style: { width: `${(share * 100).toFixed(1)}%` } })));
  }));
}

function moved(because, what) {
  const most = Math.max(...because.map((one) => Math.abs(one.weight)), 1e-9);
  return el("div", { cls: "moved" }, el("h3", {}, "What moved it"),
    el("p", { cls: "soft small" }, "What each feature adds to the score of ", el("b", {}, String(what)), ", the heaviest first."),
    el("ul", { cls: "pulls" }, because.map((one) => {
      const share = (Math.abs(one.weight) / most * 50).toFixed(1);
      const up = one.weight >= 0;
      const side = up ? { left: "50%", width: `${share}%` } : { right: "50%", width: `${share}%` };
      return el("li", {}, el("span", { cls: "name" }, one.feature),
        el("span", { cls: "share" }, `${up ? "+" : "\u2212"}${number(Math.abs(one.weight), 2)}`),
        el("span", { cls: "pull", "aria-hidden": "true" }, el("i", { cls: up ? "up" : "down", style: side })));
    })));
}
