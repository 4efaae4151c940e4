// From a table to a record and along: the record knows which come before and after it there, and who comes
// back finds the table where it was.
(() => {
  "use strict";

  const way = (plural) => `way:${location.pathname.split("/")[1]}:${plural}`;

  function remember(event) {
    const link = event.target.closest("#rows .record-link");
    const step = event.target.closest("[data-step]");
    if (link) {
      const { list } = document.getElementById("view").dataset;
      const { query } = link.closest("table").dataset;
      const { scrollTop } = link.closest(".table-wrap");
      keep(list, query, link.pathname, Number(link.closest("tr").getAttribute("aria-rowindex")) - 1, scrollTop);
    } else if (step) {
      const pager = step.closest("[data-pager]");
      const known = recall(pager.dataset.list);
      const number = known?.number && known.number + Number(step.dataset.step);
      if (known) keep(pager.dataset.list, known.query, step.pathname, number, known.top);
    }
  }

  function keep(plural, query, path, number, top) {
    sessionStorage.setItem(way(plural), JSON.stringify({ query, path, number, top }));
  }

  function recall(plural) {
    return JSON.parse(sessionStorage.getItem(way(plural)) || "null");
  }

  function loadPager() {
    const pager = document.querySelector("[data-pager]:not([data-loaded])");
    if (!pager) return;
    pager.dataset.loaded = "";
    const known = recall(pager.dataset.list);
    const isHere = known && location.pathname.startsWith(known.path);
    const query = known ? `?${known.query}${isHere && known.number ? `&number=${known.number}` : ""}` : "";
    window.htmx.ajax("GET", pager.dataset.pager + query, { target: pager, swap: "innerHTML" });
    const back = document.querySelector(".crumbs a:first-child");
    if (back && known) back.search = `?${known.query}`;
  }

  function stepWithKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== document.body) return;
    if (document.documentElement.dataset.letterKeys === "off") return;
    document.querySelector(`[data-pager] [aria-keyshortcuts="${CSS.escape(event.key.toUpperCase())}"]`)?.click();
  }

  // --- Back in the table

  const PATIENCE = 5_000; // in milliseconds; then one may be anywhere else already
  let wanted = 0;

  function comeBack() {
    const { list } = document.getElementById("view")?.dataset ?? {};
    const known = list && recall(list);
    if (!known?.top || known.query !== document.querySelector("#view .table[role=grid]")?.dataset.query) return;
    const isBack = performance.getEntriesByType("navigation")[0]?.type === "back_forward";
    const from = document.referrer && new URL(document.referrer);
    if (!isBack && !(from.origin === location.origin && from.pathname.startsWith(known.path))) return;
    wanted = known.top;
    setTimeout(() => { wanted = 0; }, PATIENCE);
    scrollOn();
  }

  // Rows below come when they are scrolled to.
  function scrollOn() {
    const wrap = document.querySelector("#view .table-wrap");
    if (!wanted || !wrap) return;
    wrap.scrollTop = wanted;
    if (wrap.scrollTop >= wanted - 1 || !wrap.querySelector("#rows > .skeleton")) wanted = 0;
  }

  for (const name of ["wheel", "touchmove", "keydown"]) addEventListener(name, () => { wanted = 0; }, { passive: true });

  document.body.addEventListener("click", remember);
  document.body.addEventListener("keydown", stepWithKey);
  document.body.addEventListener("htmx:afterSettle", () => { loadPager(); scrollOn(); });
  loadPager();
  comeBack();
})();
