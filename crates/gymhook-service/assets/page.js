// Keeps what is marked as live up to date, and adds buttons that copy. Everything can be read without this script.
"use strict";

const base = document.querySelector("a.brand")?.getAttribute("href").replace(/\/overview$/, "") ?? "";

function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// Adds a button to each text that can be copied.
function addCopyButtons(within) {
  for (const text of within.querySelectorAll("pre[data-copy]:not([data-has-button])")) {
    text.dataset.hasButton = "";
    const button = element("button", { type: "button" }, "Copy");
    const said = element("span", { role: "status", class: "quiet" });
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(text.textContent);
        said.textContent = "Copied.";
      } catch {
        const all = document.createRange();
        all.selectNodeContents(text);
        getSelection().removeAllRanges();
        getSelection().addRange(all);
        said.textContent = "This browser does not allow copying here. The text is selected: copy it with the keyboard.";
      }
    });
    text.after(element("p", { class: "row" }, button, said));
  }
}

// Fetches this page again, and replaces its live parts.
const open = (within) => new Set([...within.querySelectorAll("details[open][id]")].map((details) => details.id));

async function refresh() {
  const answer = await fetch(location.href, { headers: { accept: "text/html" }, redirect: "error" });
  if (!answer.ok) throw new Error(`answered ${answer.status}`);
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelectorAll("[data-live]");
  const shown = document.querySelectorAll("[data-live]");
  if (fresh.length !== shown.length) return;
  shown.forEach((part, place) => {
    // A part that has the focus or a selection is left alone.
    if (part.contains(document.activeElement) || part.contains(getSelection()?.anchorNode ?? null) && !getSelection().isCollapsed) return;
    const opened = open(part);
    part.replaceChildren(...document.importNode(fresh[place], true).childNodes);
    for (const id of opened) part.querySelector(`#${CSS.escape(id)}`)?.setAttribute("open", "");
    addCopyButtons(part);
  });
}

function follow() {
  const head = document.querySelector(".head");
  if (!head || !document.querySelector("[data-live]")) return;
  const word = element("span", {}, "Live");
  const hint = element("span", { class: "unseen" }, ", press to pause");
  const button = element("button", { type: "button", class: "live" }, element("span", { class: "dot", "aria-hidden": "true" }), word, hint);
  // Not in what is replaced.
  const crumb = document.querySelector(".crumb");
  if (crumb) crumb.append(button);
  else head.querySelector("h1").after(button);

  let paused = false;
  let busy = false;
  let again = false;
  let source;
  let asking;

  async function changed() {
    if (paused || document.hidden) return;
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    try {
      await refresh();
      if (!paused) said();
    } catch {
      if (!paused) show("is-off", "Not live: failed to load");
    } finally {
      busy = false;
    }
    if (again) {
      again = false;
      setTimeout(changed, 1000);
    }
  }

  function show(state, text) {
    button.classList.remove("is-paused", "is-off");
    if (state) button.classList.add(state);
    word.textContent = text;
  }

  // Shows whether the stream is open: without it, the page is not live.
  function said() {
    if (source.readyState === EventSource.OPEN) show("", "Live");
    else show("is-off", "Not live: connecting");
  }

  function listen() {
    clearTimeout(asking);
    source?.close();
    source = new EventSource(`${base}/tail`);
    source.addEventListener("open", () => {
      said();
      // Nobody was told of what happened between the page's response and now.
      changed();
    });
    source.addEventListener("changed", changed);
    source.addEventListener("error", () => {
      said();
      // A browser tries again by itself, unless the response was an error: too many open pages, or a session that has ended.
      if (source.readyState === EventSource.CLOSED) asking = setTimeout(listen, 10000);
    });
  }

  button.addEventListener("click", () => {
    paused = !paused;
    hint.textContent = paused ? ", press to go on" : ", press to pause";
    if (paused) {
      clearTimeout(asking);
      source.close();
      show("is-paused", "Paused");
    } else {
      listen();
      changed();
    }
  });
  document.addEventListener("visibilitychange", changed);
  // Relative times grow old.
  setInterval(changed, 30000);
  listen();
}

addCopyButtons(document);
follow();
