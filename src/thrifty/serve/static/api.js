// Asks the server; what it refuses is an error with title and detail; asks for a token if need be.

let token = sessionStorage.getItem("token") || "";

export class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || `HTTP ${status}`);
    this.status = status;
    this.title = problem.title || `HTTP ${status}`;
    this.detail = problem.detail || "";
  }
}

async function send(path, options) {
  const headers = { ...(options.headers || {}) };
  if (token) headers.authorization = `Bearer ${token}`;
  try {
    return await fetch(path, { ...options, headers, credentials: "omit" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(0, { title: "The server does not answer", detail: "Is it still running?" });
  }
}

export async function ask(path, options = {}) {
  let answer = await send(path, options);
  while (answer.status === 401) {
    await askToken(token !== "");
    answer = await send(path, options);
  }
  if (!answer.ok) {
    let problem = {};
    try { problem = await answer.json(); } catch { /* no JSON: the status says it */ }
    throw new Refused(answer.status, problem);
  }
  return answer;
}

export async function askJson(path, body, signal) {
  const options = { signal };
  if (body !== undefined) {
    options.method = "POST";
    options.headers = { "content-type": "application/json" };
    options.body = JSON.stringify(body);
  }
  return (await ask(path, options)).json();
}

let asking = null;

function askToken(wrong) {
  asking ??= new Promise((resolve) => {
    const dialog = document.getElementById("token");
    const field = document.getElementById("token-value");
    document.getElementById("token-wrong").textContent = wrong ? "That token is wrong." : "";
    field.value = "";
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    document.getElementById("token-form").onsubmit = (event) => {
      event.preventDefault();
      token = field.value.trim();
      sessionStorage.setItem("token", token);
      dialog.close();
      asking = null;
      resolve();
    };
    dialog.showModal();
    field.focus();
  });
  return asking;
}
