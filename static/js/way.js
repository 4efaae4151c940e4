// From a table to a record and along: the record knows which come before and after it there.
(() => {
  "use strict";

  const way = (plural) => `way:${location.pathname.split("/")[1]}:${plural}`;

  function remember(event) {
    const link = event.target.closest("#rows .record-link");
    const step = event.target.closest("[data-step]");
    if (link) {
      const { list } = document.getElementById("view").dataset;
      const { query } = link.closest("table").dataset;
      keep(list, query, link.pathname, Number(link.closest("tr").getAttribute("aria-rowindex")) - 1);
    } else if (step) {
      const pager = step.closest("[data-pager]");
      const known = recall(pager.dataset.list);
      if (known) keep(pager.dataset.list, known.query, step.pathname, known.number && known.number + Number(step.dataset.step));
    }
  }

  function keep(plural, query, path, number) {
    sessionStorage.setItem(way(plural), JSON.stringify({ query, path, number }));
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

  document.body.addEventListener("click", remember);
  document.body.addEventListener("keydown", stepWithKey);
  document.body.addEventListener("htmx:afterSettle", loadPager);
  loadPager();
})();
