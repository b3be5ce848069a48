// Keeps the page current: fetches it again and swaps what is inside <main>.
"use strict";

const EVERY_MS = 2000;

async function refresh() {
  if (document.hidden) return;
  const main = document.querySelector("main");
  try {
    const answer = await fetch("/", { cache: "no-store", signal: AbortSignal.timeout(5000) });
    if (!answer.ok) throw new Error(`answered ${answer.status}`);
    const next = new DOMParser().parseFromString(await answer.text(), "text/html");
    document.title = next.title;
    main.replaceWith(next.querySelector("main"));
  } catch (error) {
    main.querySelector(".notice").textContent = `Not current: the server does not answer (${error.message}).`;
  }
}

(async () => {
  for (;;) {
    await new Promise((done) => setTimeout(done, EVERY_MS));
    await refresh();
  }
})();
