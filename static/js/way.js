// From a table to a record and along: the record knows which come before and after it there, and leads back to
// the table as it was.
(() => {
  "use strict";

  const way = (plural) => `way:${location.pathname.split("/")[1]}:${plural}`;
  const recordOf = (path) => /^\/[^/]+\/[^/]+\/\d+\//.exec(path)?.[0];

  function remember(event) {
    const link = event.target.closest("#rows .record-link");
    const step = event.target.closest("[data-step]");
    if (link) {
      const { list } = document.getElementById("view").dataset;
      const { query } = link.closest("table").dataset;
      const { scrollTop, scrollLeft } = link.closest(".table-wrap");
      const { rows } = link.closest("tbody");
      const number = Number(link.closest("tr").getAttribute("aria-rowindex")) - 1;
      const numbers = { [link.pathname]: number };
      keep(list, { query, path: link.pathname, top: scrollTop, left: scrollLeft, count: rows.length, numbers });
    } else if (step) {
      const { list } = step.closest("[data-pager]").dataset;
      const known = recall(list);
      if (!known) return;
      const number = known.numbers?.[recordOf(location.pathname)];
      const path = recordOf(step.pathname);
      if (number) known.numbers[path] = number + Number(step.dataset.step);
      keep(list, { ...known, path });
    }
  }

  function keep(plural, known) {
    sessionStorage.setItem(way(plural), JSON.stringify(known));
  }

  function recall(plural) {
    return JSON.parse(sessionStorage.getItem(way(plural)) || "null");
  }

  function loadPager() {
    const pager = document.querySelector("[data-pager]:not([data-loaded])");
    if (!pager) return;
    pager.dataset.loaded = "";
    const known = recall(pager.dataset.list);
    const path = recordOf(location.pathname);
    const number = known?.numbers?.[path];
    if (number) keep(pager.dataset.list, { ...known, path }); // also where Back has led to it
    const asked = new URLSearchParams(known?.query);
    if (number) asked.set("number", number);
    asked.set("tab", pager.dataset.tab);
    window.htmx.ajax("GET", `${pager.dataset.pager}?${asked}`, { target: pager, swap: "innerHTML" });
    const back = listLink();
    if (back && known) back.search = `?${known.query}`;
  }

  const listLink = () => document.querySelector(".crumbs a:first-child");

  // Whoever deletes a record goes back to the table it was in.
  function nameTable(event) {
    const { elt, parameters } = event.detail;
    if (elt.matches("[data-leaves]")) parameters.back = listLink().pathname + listLink().search;
  }

  function stepWithKey(event) {
    if (!window.isFreeKey(event) || document.documentElement.dataset.letterKeys === "off") return;
    document.querySelector(`[data-pager] [aria-keyshortcuts="${CSS.escape(event.key.toUpperCase())}"]`)?.click();
  }

  // From a record by a link: Back has a place of its own (see places.js).
  function comeBack() {
    const { list } = document.getElementById("view")?.dataset ?? {};
    const known = list && recall(list);
    if (!known || known.query !== document.querySelector("#view .table[role=grid]")?.dataset.query) return;
    const from = document.referrer && new URL(document.referrer);
    const isLink = performance.getEntriesByType("navigation")[0]?.type === "navigate";
    if (!isLink || from.origin !== location.origin || !from.pathname.startsWith(known.path)) return;
    const { path, top, left, count, numbers } = known;
    const number = numbers?.[path] ?? 0;
    window.places.seek({ scrolled: [[".table-wrap", top, left]], count: Math.max(count, number), path, number });
  }

  document.body.addEventListener("click", remember);
  document.body.addEventListener("keydown", stepWithKey);
  document.body.addEventListener("htmx:configRequest", nameTable);
  document.body.addEventListener("htmx:afterSettle", loadPager);
  loadPager();
  comeBack();
})();
