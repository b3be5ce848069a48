// What is wrong with the page as it is shown now: a list of sentences. Nothing is loaded for this.
() => {
  const found = [];
  const shown = (element) =>
    element.checkVisibility({ visibilityProperty: true }) && element.getClientRects().length > 0;
  const name = (element) => {
    const said = element.id ? `#${element.id}` : element.getAttribute("class") ?? "";
    return `${element.nodeName.toLowerCase()} ${said} "${element.textContent.trim().slice(0, 30)}"`;
  };
  const numbersOf = (color) => color.match(/[\d.]+/g).map(Number);

  // Nothing is cut, and nothing needs to be scrolled sideways.
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > width) found.push("the page scrolls sideways");
  const hidden = (element) => getComputedStyle(element).clipPath !== "none";
  for (const element of document.querySelectorAll("main *")) {
    if (!shown(element) || element.closest("thead") && hidden(element.closest("thead"))) continue;
    const box = element.getBoundingClientRect();
    if (box.right > width + 1 || box.left < -1) found.push(`${name(element)} leaves the screen`);
    const isHtml = element instanceof HTMLElement && getComputedStyle(element).display !== "inline";
    if (isHtml && element.scrollWidth > element.clientWidth + 1 && !element.matches("figure, figure *")) {
      found.push(`${name(element)} is cut`);
    }
  }

  // Text can be read: WCAG's contrast of 4.5.
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = numbersOf(getComputedStyle(at).backgroundColor);
      if (color.length < 4 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const texts = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.textContent.trim() || !shown(element)) continue;
    if (element.nodeName === "title") continue;
    const style = getComputedStyle(element);
    // The numbers of a bar stand above the chart, on the page itself.
    const isSvg = element instanceof SVGElement;
    const [ink, paper] = [
      numbersOf(isSvg ? style.fill : style.color),
      behind(isSvg ? document.body : element),
    ].map(luminance);
    const contrast = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
    if (contrast < 4.5) found.push(`${name(element)} has a contrast of ${contrast.toFixed(2)}`);
  }

  // Things have names, ids are unique, headings are in order, tables have heads.
  const named = (element) =>
    element.getAttribute("aria-label") || element.getAttribute("aria-labelledby") ||
    element.querySelector(":scope > title")?.textContent || element.textContent.trim();
  for (const element of document.querySelectorAll("svg, [role=img], progress, a, summary, section")) {
    if (!named(element)) found.push(`${name(element)} has no name`);
  }
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  for (const id of new Set(ids)) {
    if (ids.filter((other) => other === id).length > 1) found.push(`the id ${id} is not unique`);
  }
  const levels = [...document.querySelectorAll("h1, h2, h3")].map((heading) => Number(heading.nodeName[1]));
  levels.forEach((level, place) => {
    if (level > (levels[place - 1] ?? 0) + 1) found.push(`a heading of level ${level} comes too early`);
  });
  if (levels.filter((level) => level === 1).length !== 1) found.push("there is not one h1");
  for (const table of document.querySelectorAll("table")) {
    if (!table.querySelector("thead th[scope=col]")) found.push("a table has no heads");
    if (table.querySelectorAll("tbody tr").length !== table.querySelectorAll("tbody th[scope=row]").length) {
      found.push("a row has no head");
    }
  }
  if (!document.documentElement.lang) found.push("the page has no language");

  // A good word never stands over a line that says what is wrong.
  const isGood = /^(warm|ready)$/.test(document.querySelector(".pill").textContent);
  if (isGood && document.querySelector(".notice").textContent) found.push("all is well, and is not");
  return found;
}
