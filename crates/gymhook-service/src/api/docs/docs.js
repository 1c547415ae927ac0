"use strict";
// Tries operations that only read. The key stays in this page; what is answered is shown as text.
const key = document.getElementById("key");
key.hidden = false;
key.addEventListener("submit", (event) => event.preventDefault());
for (const form of document.querySelectorAll("form.try")) {
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    let path = form.dataset.path;
    const query = new URLSearchParams();
    for (const input of form.querySelectorAll("input")) {
      if (input.dataset.in === "path") path = path.replace(`{${input.name}}`, encodeURIComponent(input.value));
      else if (input.value !== "") query.set(input.name, input.value);
    }
    // The page may be mounted under a path.
    const root = location.pathname.replace(/\/docs$/, "");
    const url = root + path + (query.size > 0 ? `?${query}` : "");
    const output = form.querySelector("output");
    output.textContent = "…";
    try {
      const headers = { authorization: `Bearer ${document.getElementById("key-text").value.trim()}` };
      const answer = await fetch(url, { headers, credentials: "omit", cache: "no-store" });
      output.textContent = `${answer.status} ${answer.statusText}\n${await answer.text()}`;
    } catch (error) {
      output.textContent = `no answer: ${error}`;
    }
  });
}
