// Keeps the page current: fetches it again and changes what differs. What is open, focused or
// pointed at stays so.
"use strict";

const EVERY_MS = 2000;

function renew(node, next) {
  if (node.isEqualNode(next)) return;
  const [children, wanted] = [[...node.childNodes], [...next.childNodes]];
  const isAlike = node.nodeName === next.nodeName && children.length === wanted.length;
  if (node.nodeType !== Node.ELEMENT_NODE || !isAlike) {
    node.replaceWith(next);
    return;
  }
  for (const { name, value } of next.attributes) {
    if (node.getAttribute(name) !== value) node.setAttribute(name, value);
  }
  for (const { name } of [...node.attributes]) {
    if (!next.hasAttribute(name) && name !== "open") node.removeAttribute(name);
  }
  children.forEach((child, place) => renew(child, wanted[place]));
}

// The server tells the time in UTC. A reader has a time zone. Each part is named, as the short form
// writes the hour after midnight with one digit.
const CLOCK = {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
  timeZoneName: "short",
};

function localise(time) {
  time.textContent = new Date(time.dateTime).toLocaleTimeString("en-GB", CLOCK);
}

function say(problem) {
  const pill = document.querySelector(".pill");
  pill.className = "pill degraded";
  pill.textContent = "not current";
  document.querySelector(".notice").textContent = problem;
}

async function refresh() {
  if (document.hidden) return;
  try {
    const answer = await fetch("/", { cache: "no-store", signal: AbortSignal.timeout(5000) });
    if (!answer.ok) throw new Error(`answered ${answer.status}`);
    const next = new DOMParser().parseFromString(await answer.text(), "text/html");
    const [focused, isOpen] = [document.activeElement?.id, isNumbersOpen()];
    next.querySelectorAll("time").forEach(localise);
    document.title = next.title;
    renew(document.querySelector("main"), next.querySelector("main"));
    if (isOpen) document.getElementById("numbers")?.setAttribute("open", "");
    if (focused && document.activeElement?.id !== focused) {
      document.getElementById(focused)?.focus({ preventScroll: true });
    }
  } catch (error) {
    say(`Not current: the server does not answer (${error.message}).`);
  }
}

function isNumbersOpen() {
  return document.getElementById("numbers")?.hasAttribute("open");
}

(async () => {
  document.querySelectorAll("time").forEach(localise);
  document.addEventListener("visibilitychange", refresh);
  for (;;) {
    await new Promise((done) => setTimeout(done, EVERY_MS));
    await refresh();
  }
})();
