// A record's page while things happen: its details and its feed refresh without anything moving under
// the pointer.
(() => {
  "use strict";

  const FRESH_TIME = 60_000; // as long as a changed value is marked, in milliseconds

  // --- A new name stands in the title too

  let name = "";
  const nameOf = (head) => head?.querySelector("h1")?.textContent ?? "";

  function followName() {
    const now = nameOf(document.getElementById("record-head"));
    if (name && now && now !== name) document.title = ` · ${document.title} · `.replace(` · ${name} · `, ` · ${now} · `).slice(3, -3);
    name = "";
  }

  // --- Details: what has changed is marked. Words like "3 min ago" change by themselves and do not count.

  // Whom a time was with comes later, when somebody points at it (see table.js).
  const titleOf = (row) => row.querySelector("dd [title]")?.title.replace(/ with .*/, "");
  const said = (row) => titleOf(row) ?? row.querySelector("dd")?.textContent ?? "";

  const valuesOf = (region) =>
    new Map([...region.querySelectorAll("[data-attribute]")].map((row) => [row.dataset.attribute, said(row)]));

  let before = null;
  const markedUntil = new Map(); // by attribute: the row itself is replaced each time

  function noteValues(target) {
    before = valuesOf(target);
  }

  function markChanges() {
    const rows = before ? document.querySelectorAll("#known [data-attribute]") : [];
    for (const row of rows) {
      const { attribute } = row.dataset;
      const hasChanged = before.has(attribute) && before.get(attribute) !== said(row);
      if (hasChanged) markedUntil.set(attribute, Date.now() + FRESH_TIME);
      mark(row, markedUntil.get(attribute) - Date.now(), hasChanged);
    }
    before = null;
  }

  function mark(row, left, glows) {
    if (!(left > 0)) return;
    row.classList.add("is-fresh");
    if (!glows) row.style.animation = "none"; // it has, before it was replaced
    setTimeout(() => row.classList.remove("is-fresh"), left);
  }

  // What was unfolded stays so.
  let unfolded = [];

  function noteUnfolded(target) {
    unfolded = [...target.querySelectorAll("details[open][id]")].map((one) => one.id);
  }

  function unfoldAgain() {
    for (const id of unfolded) document.getElementById(id)?.setAttribute("open", "");
    unfolded = [];
  }

  // --- The feed: refreshed where nobody reads it yet, else announced

  const feed = () => document.getElementById("feed");

  function isBeingRead() {
    const isScrolled = document.getElementById("tab").scrollTop > 0 || scrollY > 0; // on a low screen the page scrolls
    const isOpen = feed().querySelector("article.event, :focus-visible, .feed:hover");
    return isScrolled || Boolean(isOpen);
  }

  let isAskedFor = false;
  let place = null; // where somebody reads on once it has come anew

  function keepFeedStill(event) {
    const told = window.toldOf(event.detail.requestConfig);
    if (!told || isAskedFor || !event.detail.shouldSwap) return;
    const isWithdrawn = told.topics?.includes("access"); // perhaps: somebody may see less of something, or more
    const fresh = new DOMParser().parseFromString(event.detail.serverResponse, "text/html").getElementById("feed");
    const isWhole = feed().querySelectorAll(".month").length <= (fresh?.querySelectorAll(".month").length ?? 0);
    const isSame = !fresh || (fresh.dataset.state === feed().dataset.state && (isWhole || !isWithdrawn));
    const mustCome = (isWithdrawn || told.all) && !isSame;
    const close = mustCome && feed().querySelector("[data-close-event]");
    if (close) {
      event.detail.shouldSwap = false;
      return comeAfter(close, told);
    }
    if (mustCome) place = window.places.look();
    event.detail.shouldSwap = !isSame && (mustCome || !isBeingRead());
    if (!isSame) announceNews(!event.detail.shouldSwap);
  }

  // An open meeting may be what was taken back: closed, it leaves the history as well.
  function comeAfter(close, told) {
    close.click();
    document.body.addEventListener("travel", () => setTimeout(() => window.htmx.trigger(feed(), "live", told)), { once: true });
  }

  function announceNews(isThere) {
    const news = document.getElementById("feed-news");
    if (news) news.hidden = !isThere;
  }

  function showNews() {
    isAskedFor = true;
    document.getElementById("tab").scrollTo({ top: 0 });
    window.htmx.trigger(feed(), "live");
  }

  function onFeedSwapped() {
    announceNews(false);
    if (place) window.places.seek(place);
    place = null;
    if (isAskedFor) feed().querySelector(".segmented [aria-current]")?.focus({ preventScroll: true });
    isAskedFor = false;
  }

  function showReasons(place) {
    place.querySelector("button")?.focus({ preventScroll: true });
    place.scrollIntoView({ block: "nearest" });
  }

  function hideReasons() {
    document.getElementById("why")?.replaceChildren();
    document.getElementById("why-link")?.focus();
  }

  // --- Narrow, the details are a tab like any other, of the same page

  // Once for each tab: where somebody has pushed the strip it stays.
  let broughtIn = "";

  const ofPage = document.querySelector("#record-tabs [aria-current]")?.id;

  function markTab() {
    const details = document.querySelector("#record-tabs .only-narrow");
    if (!details) return;
    const isShown = location.hash === "#details" && details.checkVisibility();
    const current = isShown ? details : document.getElementById(ofPage);
    for (const one of document.querySelectorAll("#record-tabs .tab")) {
      if (one === current) one.setAttribute("aria-current", "page");
      else one.removeAttribute("aria-current");
    }
    if (current && current.id !== broughtIn) window.bringIn(current);
    broughtIn = current?.id;
  }

  // --- Wiring

  function onClick(event) {
    if (event.target.closest("[data-feed-news]")) showNews();
    if (event.target.closest("[data-hide-reasons]")) hideReasons();
  }

  function onKey(event) {
    if (event.key === "Escape" && event.target.closest("#why")) hideReasons();
  }

  function beforeSwap(event) {
    const { target } = event.detail;
    if (target.id === "record-head") name = nameOf(target);
    if (target.id === "known") { noteValues(target); noteUnfolded(target); }
    if (target.id === "feed") keepFeedStill(event);
  }

  function afterSettle(event) {
    const { target, requestConfig } = event.detail;
    if (target.id === "known") { markChanges(); unfoldAgain(); }
    if (target.id === "feed") onFeedSwapped();
    if (target.id === "why") showReasons(target);
    if (name) followName();
    markTab();
    if (requestConfig?.elt.closest?.("#feed-who")) document.getElementById("feed-who-button")?.focus();
  }

  markTab();
  addEventListener("hashchange", markTab);
  addEventListener("resize", markTab);
  document.body.addEventListener("click", onClick);
  document.body.addEventListener("keydown", onKey);
  document.body.addEventListener("htmx:beforeSwap", beforeSwap);
  document.body.addEventListener("htmx:afterSettle", afterSettle);
  document.body.addEventListener("htmx:responseError", () => { isAskedFor = false; });
})();
