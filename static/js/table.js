// Around the rows of a table: menus that are filled by a request, what changes elsewhere, what stands under
// the columns, and links outside that speak of the table as it is.
(() => {
  "use strict";

  const FRESH = 60_000; // how long a changed value is marked, in milliseconds
  // The numbers under the table are worked out from all of it: they rest twenty times as long as that took, but
  // no less and no more than this.
  const [LEAST_REST, MOST_REST] = [1_000, 10_000];
  const view = () => document.getElementById("view");
  const table = () => document.querySelector("#view .table[role='grid']");
  // Of the table as it is, also where nothing meets its filters.
  const query = () => document.querySelector("#view [data-query]")?.dataset.query ?? "";
  const rows = () => [...document.querySelectorAll("#rows > tr[data-record]")];

  // --- Menus that are filled by a request, and anchored to whatever asked for them

  function openMenu(event) {
    const opener = event.target.closest("[data-opens]");
    const menu = opener && document.getElementById(opener.dataset.opens);
    if (!menu) return;
    const source = document.getElementById(opener.dataset.anchor) || opener;
    const around = opener.closest("[popover]");
    if (around && around !== menu) around.hidePopover();
    if (menu.matches(":popover-open")) menu.hidePopover();
    menu.replaceChildren();
    menu.showPopover({ source });
    menu.dataset.opener = source.id;
  }

  function focusMenu(menu) {
    menu.querySelector("[autofocus], a, button, select, input:not([type=hidden])")?.focus();
  }

  // What a menu asked for has happened: it closes, and one is back where one was.
  function closeMenus() {
    for (const menu of document.querySelectorAll("#filter-editor:popover-open, #attribute-menu:popover-open")) {
      menu.hidePopover();
      (document.getElementById(menu.dataset.opener) || document.getElementById("filter-button"))?.focus();
    }
  }

  // Of what is pointed at, or has the focus, the foot of its menu says what it is.
  function explain(event) {
    const item = event.target.closest?.("[data-about]");
    const foot = item?.closest(".menu").querySelector(".menu__foot");
    if (!foot) return;
    const name = Object.assign(document.createElement("strong"), { textContent: item.textContent.trim() });
    foot.replaceChildren(name, item.dataset.about);
  }

  // --- Tooltips of times: who it was with outside is asked for when somebody points at a record's first

  async function nameOutside(event) {
    const when = event.target.closest?.(".when[title]");
    const region = when?.closest("tr[data-record], #known");
    if (!region || "named" in region.dataset) return;
    region.dataset.named = ""; // asked once, unless it comes to nothing
    const link = region.querySelector(".record-link");
    const base = link ? new URL(link.href).pathname : region.getAttribute("hx-get").replace(/details\/$/, "");
    const answer = await fetch(`${base}outside/`, { redirect: "error" }).catch(() => null);
    if (answer?.ok) showOutside(region, await answer.json());
    else delete region.dataset.named;
  }

  function showOutside(region, names) {
    for (const when of region.querySelectorAll(".when[title]")) {
      const { attribute } = when.closest("[data-attribute]").dataset;
      const kind = when.title.startsWith("Email") ? "email" : "calendar";
      const name = names[`${attribute.split("_")[0]}_${kind}`];
      if (name) when.title += ` with ${name}`;
    }
  }

  // --- What changes elsewhere: values in place, rows only when asked

  const waiting = new Set(); // ids of records that have changed and are still shown as they were
  const isEdited = () => Boolean(document.querySelector("#rows form"));
  const shownIds = () => rows().map((row) => row.dataset.record.split(":")[1]);

  function follow(event) {
    if (!table()) return;
    const kind = view().dataset.list === "people" ? "person" : "company";
    const { records = [], all } = event.detail;
    const changed = records.filter((one) => one.startsWith(`${kind}:`)).map((one) => one.split(":")[1]);
    for (const id of all ? shownIds() : changed) waiting.add(id);
    catchUp();
  }

  let isAsking = false;

  // Not while somebody edits; then when he has done. One answer after the other, so that none is older than
  // what is shown.
  async function catchUp() {
    const shown = table();
    const ids = shownIds();
    if (isAsking || !shown || isEdited() || !waiting.size || !ids.length || ids.length > 1000) return;
    const asked = [...waiting];
    const changed = ids.filter((id) => waiting.has(id));
    waiting.clear();
    isAsking = true;
    const html = await askForRows(shown, ids, changed);
    isAsking = false;
    const isElsewhere = table() !== shown; // which may have been read before it happened
    if (!html || isElsewhere || isEdited()) for (const id of asked) waiting.add(id);
    else replaceValues(html, shown, changed);
    if (html) catchUp();
  }

  async function askForRows({ dataset: { changes, query } }, ids, changed) {
    const answer = await fetch(`${changes}?${query}`, {
      method: "POST", // a thousand ids are too long for an address
      headers: { "HX-Request": "true", "X-CSRFToken": window.csrfToken() },
      body: new URLSearchParams({ shown: ids, changed }),
      redirect: "error",
    }).catch(() => null);
    return answer?.ok && answer.text().catch(() => "");
  }

  function replaceValues(html, shown, changed) {
    const fresh = new DOMParser().parseFromString(html, "text/html").querySelector("table");
    for (const old of rows().filter((row) => changed.includes(row.dataset.record.split(":")[1]))) {
      const row = fresh.querySelector(`tr[data-record="${old.dataset.record}"]`);
      for (const cell of row?.querySelectorAll("[data-attribute]") ?? []) replaceValue(old, cell);
      delete old.dataset.named;
      old.toggleAttribute("data-is-gone", !row); // merged or deleted, and perhaps brought back
    }
    announceMoved(Number(fresh.dataset.moved));
    recalculateSoon();
  }

  let begun = 0;
  let restsUntil = 0;
  let recalculating = 0;
  let isLoaded = false; // before that, an answer takes as long as all that comes with it

  function recalculateSoon() {
    clearTimeout(recalculating);
    recalculating = setTimeout(() => {
      if (document.getElementById("footer")) window.htmx.trigger("#footer", "recalculate");
    }, Math.max(0, restsUntil - Date.now()));
  }

  function beginCalculation(event) {
    if (event.target.id !== "footer") return;
    begun = Date.now();
    restsUntil = begun + MOST_REST;
  }

  function endCalculation(event) {
    if (event.target.id !== "footer") return;
    const took = isLoaded ? Date.now() - begun : 0;
    restsUntil = Date.now() + Math.min(Math.max(20 * took, LEAST_REST), MOST_REST);
    isLoaded = true;
  }

  // "12 min ago" becoming "13 min ago" is no news: what counts is the moment itself.
  function meaning(cell) {
    const time = cell.querySelector("time");
    return time ? `${time.dateTime} ${cell.querySelector(".when__who")?.textContent}` : cell.textContent;
  }

  function replaceValue(row, fresh) {
    const old = row?.querySelector(`:scope > [data-attribute="${fresh.dataset.attribute}"]`);
    for (const one of fresh.querySelectorAll("a, input")) one.tabIndex = -1; // as in every row (see grid.js)
    if (!old || old.innerHTML === fresh.innerHTML) return;
    const focused = old.querySelector(":focus")?.localName;
    const isNews = meaning(old) !== meaning(fresh);
    if (fresh.dataset.attribute === "name") {
      const box = old.querySelector(".check");
      fresh.querySelector(".check").replaceWith(box);
    }
    old.replaceChildren(...fresh.childNodes);
    if (focused) old.querySelector(focused)?.focus({ preventScroll: true });
    if (!isNews) return;
    old.classList.add("is-fresh");
    setTimeout(() => old.classList.remove("is-fresh"), FRESH);
  }

  function announceMoved(count) {
    const button = document.getElementById("moved");
    if (!button) return;
    button.hidden = !count;
    button.querySelector("span").textContent = count === 1 ? "1 row moved" : `${count} rows moved`;
  }

  // The tabs know the views as they are now.
  function followView(tabs) {
    const news = document.getElementById("view-news");
    if (!news) return;
    const { view: pk, version } = news.dataset;
    const tab = tabs.querySelector(`[data-view="${pk}"]`);
    const name = tab?.dataset.name;
    if (name) document.title = [name, ...document.title.split(" · ").slice(-2)].join(" · ");
    news.hidden = tab?.dataset.version === version;
    news.querySelector("span").textContent = tab ? "View changed" : "View gone";
    news.title = tab ? "Press to see the view as it is now." : "It was deleted, or is no longer shared. Press to see all records.";
  }

  // --- What stands under the columns

  // By column, in all tabs of a browser; sorting, filtering and coming back change nothing about them.
  const place = `calculations:${location.pathname}`;
  const chosen = new Map(JSON.parse(localStorage.getItem(place) || "[]"));

  function recalculate(event) {
    const button = event.target.closest("[data-calculation]");
    const foot = document.getElementById("footer");
    if (!button || !foot) return;
    const [column, name] = button.dataset.calculation.split(":");
    chosen.set(column, name);
    localStorage.setItem(place, JSON.stringify([...chosen]));
    window.htmx.trigger(foot, "recalculate");
  }

  // Only what is in the page gets here: an answer about a table that is gone says nothing of this one.
  function completeCount(foot) {
    const count = document.getElementById("record-count");
    const counted = foot.querySelector("#calculations strong");
    if (count && counted) count.textContent = counted.textContent;
  }

  // --- Addresses outside the table that speak of it

  function completeAddress(event) {
    const { elt, path } = event.detail;
    if (elt.matches("[data-current-table]")) event.detail.path = `${path.split("?")[0]}?${query()}`;
    if (elt.id === "footer" && chosen.size) {
      event.detail.parameters.calculation = [...chosen].map(([column, name]) => `${column}:${name}`);
    }
  }

  // Before it is followed, copied or opened in a tab.
  function completeLink(event) {
    const link = event.target.closest("[data-export], a[data-current-table]");
    if (link && query()) link.search = `?${query()}`;
  }

  // Also for who copies it from a menu, or has it read to him.
  function completeLinks() {
    for (const link of query() ? document.querySelectorAll("a[data-current-table]") : []) link.search = `?${query()}`;
  }

  // Which columns a short address means may change: the entry that is left has to say which they were.
  function keepColumns({ detail: { target } }) {
    if (target?.id !== "view" || !table() || /[?&](columns|view)=/.test(location.search)) return;
    const asked = new URLSearchParams(query());
    const shown = [...document.querySelectorAll("#view th[data-column]")].map((head) => head.dataset.column);
    if (!asked.has("columns")) asked.set("columns", shown.join());
    history.replaceState(history.state, "", `?${asked}`);
  }

  // --- Wiring

  function onSettled(event) {
    const { target } = event.detail;
    if (target.id === "view") { closeMenus(); completeLinks(); }
    if (target.id === "footer") completeCount(target);
    if (target.id === "view-tabs") followView(document.getElementById("view-tabs"));
    if (target.id === "filter-editor" || target.id === "attribute-menu") focusMenu(target);
  }

  function onClick(event) {
    openMenu(event);
    recalculate(event);
  }

  const listeners = {
    click: onClick,
    mouseover: (event) => { nameOutside(event); explain(event); },
    pointerdown: completeLink,
    focusin: (event) => { completeLink(event); explain(event); },
    live: follow,
    "htmx:configRequest": completeAddress,
    "htmx:beforeRequest": beginCalculation,
    "htmx:afterRequest": endCalculation,
    "htmx:beforeHistoryUpdate": keepColumns,
    "htmx:afterSettle": (event) => { onSettled(event); catchUp(); },
  };
  for (const [name, listener] of Object.entries(listeners)) document.body.addEventListener(name, listener);
})();
