// Threads: beside the list where there is room, else one at a time. What changes elsewhere comes in place, and
// nothing moves under somebody who reads further down.
(() => {
  "use strict";

  const list = () => document.querySelector(".threads__list");
  const rowOf = (thread, root = document) => root.querySelector(`.thread-row[data-thread="${thread}"]`);

  // The list is still there. The address is the list's again, so that reloading shows it too.
  function closeThread(event) {
    const back = event.target.closest("[data-back]");
    const thread = back?.closest("[data-chosen]");
    if (!thread || !document.querySelector(".threads")) return;
    event.preventDefault();
    delete thread.dataset.chosen;
    history.replaceState(history.state, "", back.href);
    document.querySelector(".thread-row[aria-current] a")?.focus();
  }

  function mark(row) {
    for (const one of document.querySelectorAll(".thread-row[aria-current]")) one.removeAttribute("aria-current");
    row?.setAttribute("aria-current", "true");
  }

  function markChosen(event) {
    const row = event.detail.elt.closest?.(".thread-row");
    if (row && event.detail.target.id === "thread") mark(row);
  }

  // --- What changes elsewhere

  const isLive = (event) => event.detail.requestConfig.triggeringEvent?.type === "live";
  const parse = (event) => new DOMParser().parseFromString(event.detail.serverResponse, "text/html");

  const isBeingRead = () => list().scrollTop > 0 || list().contains(document.activeElement);

  function keepListStill(event) {
    if (!isLive(event) || !event.detail.shouldSwap || !list()) return;
    if (!isBeingRead()) return;
    event.detail.shouldSwap = false;
    for (const row of parse(event).querySelectorAll(".thread-row")) replaceRow(row);
  }

  // A row that says the same is left alone: one may be about to press something in it.
  function replaceRow(fresh) {
    const row = rowOf(fresh.dataset.thread);
    if (!row || row.contains(document.activeElement) || row.textContent === fresh.textContent) return;
    if (row.hasAttribute("aria-current")) fresh.setAttribute("aria-current", "true");
    row.replaceWith(fresh);
    window.htmx.process(fresh);
  }

  // Messages that are open stay open, unless there is more to read or to answer than before.
  const stateOf = (thread) =>
    [thread.dataset.access, thread.dataset.request, thread.querySelectorAll(".request").length].join();

  function keepThreadStill(event) {
    const shown = document.getElementById("thread");
    const fresh = isLive(event) && parse(event).getElementById("thread");
    if (fresh && stateOf(fresh) === stateOf(shown)) event.detail.shouldSwap = false;
  }

  function beforeSwap(event) {
    const { target } = event.detail;
    if (target.id === "threads") keepListStill(event);
    if (target.id === "thread") keepThreadStill(event);
  }

  // Rows from the server do not know which of them is open.
  function afterSwap() {
    const open = document.getElementById("thread")?.dataset.thread;
    const row = open && rowOf(open);
    if (row && !row.hasAttribute("aria-current")) mark(row);
  }

  const listeners = {
    "click": closeThread,
    "htmx:beforeSend": markChosen,
    "htmx:beforeSwap": beforeSwap,
    "htmx:afterSwap": afterSwap,
  };
  for (const [name, listener] of Object.entries(listeners)) document.body.addEventListener(name, listener);
})();
