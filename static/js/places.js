// The place somebody leaves: Back, Forward and reloading lead there again, however far down it was. Every entry of
// the history has a name in its state, under which is kept how far the page was scrolled and which row was current.
(() => {
  "use strict";

  const MOST = 100; // places that are kept
  const MOST_STEPS = 10; // of more that is asked for to get back to one
  const PAGE = 50; // of rows or entries; the server gives several at once to whoever comes back
  const PATIENCE = 5_000; // in milliseconds without any progress; then one may be anywhere else already
  const SCROLLED = ["html", ".table-wrap", "#tab", ".details", ".threads__list", ".settings__scroll", ".notifications--page", ".views-page"];
  const ITEMS = "#rows > tr[data-record], #tab article";
  const MORE = "#rows > .skeleton, #tab .gap[hx-trigger], .threads__more";

  const kept = () => new Map(JSON.parse(sessionStorage.getItem("places") || "[]"));

  function keep() {
    if (isLeaving || goal) return; // on the way to a place, that place is still the one
    const all = kept();
    all.delete(here);
    all.set(here, look());
    sessionStorage.setItem("places", JSON.stringify([...all].slice(-MOST)));
  }

  function look() {
    const found = SCROLLED.map((selector) => [selector, document.querySelector(selector)]);
    const scrolled = found.filter(([, one]) => one && (one.scrollTop || one.scrollLeft));
    const cell = document.activeElement?.closest("#rows > tr > *");
    return {
      scrolled: scrolled.map(([selector, one]) => [selector, one.scrollTop, one.scrollLeft]),
      count: document.querySelectorAll(ITEMS).length,
      path: cell && linkOf(cell.parentElement)?.pathname,
      attribute: cell?.dataset.attribute,
      focus: document.activeElement?.id,
    };
  }

  // --- Getting there: what is below comes when it is scrolled to

  const linkOf = (row) => row.querySelector(".record-link");
  let goal = null; // { scrolled, count, path and attribute of a cell, number: of its row, where that has to be there }
  const asked = new Set(); // what has been scrolled to for more; each line that settles leads here
  let timer = 0;

  function seek(place) {
    goal = place;
    asked.clear();
    approach();
  }

  function approach() {
    if (!goal) return;
    clearTimeout(timer);
    timer = setTimeout(giveUp, PATIENCE);
    const rows = [...document.querySelectorAll("#rows > tr[data-record]")];
    let isThere = rows.length >= (goal.number ?? 0);
    for (const [selector, top, left] of goal.scrolled) {
      const one = document.querySelector(selector);
      one?.scrollTo({ left, top, behavior: "instant" });
      if (one && one.scrollTop < top - 1) isThere = false;
    }
    const more = document.querySelector(MORE);
    if (isThere || !more || asked.size === MOST_STEPS) return arrive(rows);
    asked.add(more);
    if (rows.length < goal.number) more.scrollIntoView({ block: "nearest" });
  }

  function arrive(rows) {
    const { path, attribute, number, focus } = goal;
    giveUp();
    if (document.activeElement !== document.body) return;
    if (focus && isReloaded) return document.getElementById(focus)?.focus({ preventScroll: true });
    const row = path && (rows.find((one) => linkOf(one)?.pathname === path) || rows[number - 1]);
    if (!row) return;
    const cell = row.querySelector(`:scope > [data-attribute="${attribute}"]`) || row.children[0];
    cell.tabIndex = -1;
    cell.focus({ preventScroll: true, focusVisible: true });
    cell.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  function askForAll({ detail: { elt, parameters } }) {
    const pages = goal && elt.matches(MORE) && Math.floor(goal.count / PAGE) - 1;
    if (pages > 1) parameters.pages = pages;
  }

  function giveUp() {
    clearTimeout(timer);
    goal = null;
  }

  // --- Entries of the history

  // As some changes do by themselves: whoever made one goes on from where it was made.
  const isReloaded = performance.getEntriesByType("navigation")[0]?.type === "reload";
  let here = "";
  let isLeaving = false;

  function name(place = history.state?.place ?? Math.random().toString(36).slice(2)) {
    here = place;
    history.replaceState({ ...history.state, place }, "");
  }

  // htmx would load the page anew; what can be shown again where it stands need not be.
  function travel(event) {
    if (!event.state?.htmx) return name();
    event.stopImmediatePropagation();
    keep();
    const detail = { from: here, to: event.state.place };
    const isShown = !document.body.dispatchEvent(new CustomEvent("travel", { detail, cancelable: true }));
    here = detail.to;
    if (isShown) return;
    isLeaving = true;
    location.reload();
  }

  // A meeting that was opened in a feed has the meeting's address: it is opened there again (see meetings.js).
  function returnToFeed() {
    const { state } = history;
    const sent = JSON.parse(sessionStorage.getItem("sent") || "null");
    sessionStorage.removeItem("sent");
    if (sent?.feed === location.href) history.replaceState(sent, "");
    else if (state?.feed && state.feed !== location.href) {
      isLeaving = true;
      sessionStorage.setItem("sent", JSON.stringify(state));
      location.replace(state.feed);
    }
  }

  window.places = { look, seek, here: () => here };
  returnToFeed();
  name();
  if (kept().has(here)) seek(kept().get(here));

  addEventListener("popstate", travel);
  addEventListener("pagehide", keep);
  for (const one of ["wheel", "touchmove", "pointerdown", "keydown"]) addEventListener(one, giveUp, { passive: true });
  const listeners = {
    "htmx:beforeHistoryUpdate": () => { keep(); name(here); },
    "htmx:pushedIntoHistory": () => { giveUp(); name(); },
    "htmx:replacedInHistory": () => name(here),
    "htmx:configRequest": askForAll,
    "htmx:afterSettle": approach,
  };
  for (const [event, listener] of Object.entries(listeners)) document.body.addEventListener(event, listener);
})();
