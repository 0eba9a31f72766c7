// Report: the page that training wrote, in a frame that can run nothing.

import { ask, askJson } from "./api.js";
import { el } from "./dom.js";
import { modelHead } from "./predict.js";

export async function reportView(name) {
  const path = `/v1/models/${encodeURIComponent(name)}`;
  const [about, text] = await Promise.all([askJson(path), ask(`${path}/report`).then((answer) => answer.text())]);
  const frame = el("iframe", { title: `Report of ${name}`, cls: "report", sandbox: "allow-same-origin", srcdoc: text });
  const fit = () => {
    const inside = frame.contentDocument?.documentElement;
    if (inside) frame.style.setProperty("height", `${inside.scrollHeight + 8}px`);
  };
  frame.addEventListener("load", () => {
    frame.contentDocument.querySelector(".brand")?.remove();
    fit();
    frame.contentDocument.addEventListener("toggle", fit, true);
    new ResizeObserver(fit).observe(frame);
  });
  return el("div", { cls: "view" }, modelHead(name, about, "report"), frame);
}
