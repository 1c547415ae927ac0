// What the page does by itself: it keeps what is marked as live up to date, and copies. Everything can be read without it.
"use strict";

const base = document.querySelector("a.brand")?.getAttribute("href").replace(/\/overview$/, "") ?? "";

function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// Copies what a `pre` has.
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
        said.textContent = "This browser does not copy here: it is selected, so copy it by hand.";
      }
    });
    text.after(element("p", { class: "row" }, button, said));
  }
}

// Asks for this page again, and puts what is live in it in the place of what is shown.
const open = (within) => new Set([...within.querySelectorAll("details[open][id]")].map((details) => details.id));

async function refresh() {
  const answer = await fetch(location.href, { headers: { accept: "text/html" }, redirect: "error" });
  if (!answer.ok) throw new Error(`answered ${answer.status}`);
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelectorAll("[data-live]");
  const shown = document.querySelectorAll("[data-live]");
  if (fresh.length !== shown.length) return;
  shown.forEach((part, place) => {
    // Whoever is in it with the keyboard, or marks something, is not disturbed.
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

  // What the stream is: a page that was loaded is live only with it.
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
      // What happened between the page's answer and now was told to nobody.
      changed();
    });
    source.addEventListener("changed", changed);
    source.addEventListener("error", () => {
      said();
      // A browser tries again by itself unless the answer was an error: too many open pages, a session that has ended.
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
