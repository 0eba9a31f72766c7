// The page: what is served, and the view that the address names.

import { askJson } from "./api.js";
import { el, ICONS, icon, swap, told } from "./dom.js";
import { predictView } from "./predict.js";
import { reportView } from "./report.js";
import { searchView } from "./search.js";

const main = document.getElementById("main");
const nav = document.getElementById("nav");
let served = [];
let shown = "";

function href(one) {
  return `#/${one.kind}/${encodeURIComponent(one.name)}`;
}

function parse() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?", 2);
  const [kind = "", name = "", part = ""] = path.split("/");
  return { kind, name: decodeURIComponent(name), part, query: new URLSearchParams(query) };
}

function fillNav(current) {
  swap(nav, served.map((one) => {
    const own = one.kind === current.kind && one.name === current.name;
    return el("a", { href: href(one), "aria-current": own ? "page" : null }, icon(ICONS[one.kind]), one.name);
  }));
  nav.querySelector("[aria-current]")?.scrollIntoView({ inline: "nearest", block: "nearest" });
}

function unknown() {
  document.title = "Not here - thrifty";
  swap(main, el("h1", {}, "Nothing is here"), el("p", { cls: "lead" }, "Choose an index or a model above."));
}

async function route() {
  const asked = parse();
  const key = `${asked.kind}/${asked.name}/${asked.part}`;
  if (!asked.kind && served.length) {
    location.replace(href(served[0]));
    return;
  }
  if (key === shown) return; // the view itself wrote its query into the address
  const first = shown === "";
  shown = key;
  fillNav(asked);
  const one = served.find((found) => found.kind === asked.kind && found.name === asked.name);
  if (!one) { unknown(); return; }
  swap(main, el("p", { cls: "loading", role: "status" }, "Loading"));
  document.title = `${one.name} - thrifty`;
  try {
    const view = one.kind === "index" ? searchView : asked.part === "report" ? reportView : predictView;
    const made = await view(one.name, asked.query);
    if (shown !== key) return;
    swap(main, made);
    const start = main.querySelector("[data-start]");
    if (!first) scrollTo(0, 0);
    if (start && matchMedia("(min-width: 45rem)").matches) start.focus();
    else if (!first) main.focus({ preventScroll: true });
  } catch (error) {
    swap(main, told(error));
  }
}

async function begin() {
  try {
    ({ served } = await askJson("/v1"));
  } catch (error) {
    swap(main, told(error));
    return;
  }
  window.addEventListener("hashchange", route);
  window.addEventListener("popstate", () => { if (parse().kind === "index") { shown = "left"; route(); } });
  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement?.tagName || "");
    const field = document.querySelector("input[type=search]");
    if (event.key === "/" && !typing && field) {
      event.preventDefault();
      field.focus();
      field.select();
    }
  });
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault();
    main.focus();
  });
  route();
}

begin();
