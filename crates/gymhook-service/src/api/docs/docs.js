"use strict";
// Sends requests to try operations. The key stays in this page, and a response is shown as text only.
const key = document.getElementById("key");
key.hidden = false;
key.addEventListener("submit", (event) => event.preventDefault());

// How much of a response is shown, in characters: a stream does not end.
const LONGEST = 200_000;

// The request that a form describes.
function requestOf(form) {
  const { method, path: template, key: scheme } = form.dataset;
  const headers = new Headers();
  const query = new URLSearchParams();
  let path = template;
  for (const { name, value, dataset } of form.querySelectorAll("input")) {
    if (dataset.in === "path") {
      // A browser would read these as parts of another path.
      if (value === "." || value === "..") throw new Error(`${name} cannot be ${value} in a URL`);
      path = path.replace(`{${name}}`, () => encodeURIComponent(value));
    } else if (value !== "") {
      if (dataset.in === "header") headers.set(name, value);
      else query.append(name, value);
    }
  }
  const text = document.getElementById("key-text").value.trim();
  if (text !== "") {
    if (scheme === "bearer") headers.set("authorization", `Bearer ${text}`);
    else headers.set(scheme, text);
  }
  const body = form.querySelector("textarea")?.value.trim() || undefined;
  if (body !== undefined) headers.set("content-type", "application/json");
  // The page may be mounted under a path.
  const root = location.pathname.replace(/\/docs$/, "");
  const url = root + path + (query.size > 0 ? `?${query}` : "");
  return { url, options: { method, headers, body, credentials: "omit", cache: "no-store", redirect: "error" } };
}

// Shows a body while it arrives, up to a length.
async function show(body, into) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let shown = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return "";
    into.append(value.slice(0, LONGEST - shown));
    shown += value.length;
    if (shown > LONGEST) {
      await reader.cancel();
      return `, cut after ${LONGEST} characters`;
    }
  }
}

async function tryIt(form) {
  const said = form.querySelector(".said");
  const answer = form.querySelector(".answer");
  const stop = form.querySelector(".stop");
  const submit = form.querySelector("button[type=submit]");
  const ends = new AbortController();
  answer.hidden = true;
  answer.textContent = "";
  said.textContent = "";
  try {
    const { url, options } = requestOf(form);
    if (options.method !== "GET" && !confirm(`${options.method} ${url}\n\nThis request is sent for real. Continue?`)) {
      said.textContent = "Nothing was sent.";
      return;
    }
    submit.disabled = true;
    stop.hidden = false;
    stop.onclick = () => ends.abort();
    said.textContent = "Sent…";
    const response = await fetch(url, { ...options, signal: ends.signal });
    const status = `${response.status} ${response.statusText}`.trim();
    said.textContent = status;
    const headers = [...response.headers].map(([name, value]) => `${name}: ${value}\n`);
    answer.textContent = `${status}\n${headers.join("")}\n`;
    answer.hidden = false;
    if (response.body) said.textContent += await show(response.body, answer);
  } catch (error) {
    said.textContent = ends.signal.aborted ? "Stopped." : `No response: ${error.message}`;
  } finally {
    submit.disabled = false;
    stop.hidden = true;
  }
}

for (const form of document.querySelectorAll("form.try")) {
  form.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    tryIt(form);
  });
}
