// Threads: beside the list where there is room, else one at a time. What changes elsewhere comes in place, and
// nothing moves under somebody who reads further down.
(() => {
  "use strict";

  const list = () => document.querySelector(".threads__list");
  const rowOf = (thread, root = document) => root.querySelector(`.thread-row[data-thread="${thread}"]`);

  // The list is still there, and so is what it shows. The address is the list's again, for whoever reloads.
  function closeThread(event) {
    const back = event.target.closest("[data-back]");
    const thread = back?.closest("[data-chosen]");
    if (!thread || !document.querySelector(".threads")) return;
    event.preventDefault();
    delete thread.dataset.chosen;
    const address = new URL(location.href);
    address.searchParams.delete("thread");
    history.replaceState(history.state, "", address);
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

  const toldOf = (event) => window.toldOf(event.detail.requestConfig);
  const parse = (event) => new DOMParser().parseFromString(event.detail.serverResponse, "text/html");

  const isBeingRead = () => list().scrollTop > 0 || scrollY > 0 || list().contains(document.activeElement);

  // What is new on top waits until one is there; a request that is further down is looked up by itself.
  let isBehind = false;

  const orderOf = (root) => [...root.querySelectorAll(".thread-row")].map((row) => row.dataset.thread);

  function keepListStill(event) {
    if (!toldOf(event) || !event.detail.shouldSwap || !list()) return;
    const fresh = parse(event);
    if (mustCome(event, fresh)) return;
    dropRows(fresh);
    const order = orderOf(fresh);
    const isSame = order.length > 0 && order.join() === orderOf(list()).slice(0, order.length).join();
    isBehind = !isSame && order.length > 0 && isBeingRead();
    if (!isSame && !isBehind) return;
    event.detail.shouldSwap = false;
    for (const row of fresh.querySelectorAll(".thread-row")) replaceRow(row);
    for (const { dataset: { thread } } of list().querySelectorAll('[data-request="pending"]')) {
      if (!rowOf(thread, fresh)) window.htmx.trigger(document.body, `thread-${thread}-changed`);
    }
  }

  // Somebody may see less of something, or more: then all of the list comes anew, and one reads on where one was.
  let place = null;

  function mustCome(event, fresh) {
    const isOther = orderOf(fresh).join() !== orderOf(list()).join(); // also where more is there than is answered
    const isWithdrawn = toldOf(event).topics?.includes("access");
    if (isWithdrawn && isOther) place = window.places.look();
    return place !== null;
  }

  function readOn() {
    if (place) window.places.seek(place);
    place = null;
  }

  // What is not in the list any more goes. What is further down than the answer reaches is not known.
  function dropRows(fresh) {
    const known = new Set(orderOf(fresh));
    const rows = [...list().querySelectorAll(".thread-row")];
    const reach = fresh.querySelector(".threads__more") ? rows.findLastIndex((row) => known.has(row.dataset.thread)) : rows.length;
    for (const row of rows.slice(0, reach)) if (!known.has(row.dataset.thread)) row.remove();
  }

  function catchUp() {
    if (!isBehind || !list() || isBeingRead()) return;
    isBehind = false;
    window.htmx.trigger("#threads", "live");
  }

  // A row that says the same is left alone: one may be about to press something in it.
  function replaceRow(fresh) {
    const row = rowOf(fresh.dataset.thread);
    if (!row || row.textContent === fresh.textContent) return;
    const isFocused = row.contains(document.activeElement);
    if (row.hasAttribute("aria-current")) fresh.setAttribute("aria-current", "true");
    row.replaceWith(fresh);
    window.htmx.process(fresh);
    if (isFocused) fresh.querySelector("a").focus({ preventScroll: true });
  }

  // Messages that are open stay open, unless there is more to read or to answer than before.
  function stateOf(thread) {
    const { access, hidden, request } = thread.dataset;
    return [access, hidden, request, thread.querySelectorAll(".request").length].join();
  }

  // Beside the list it has not been chosen, whatever its address alone would say.
  let isBeside = false;

  function keepThreadStill(event) {
    const shown = document.getElementById("thread");
    const fresh = toldOf(event) && event.detail.shouldSwap && parse(event).getElementById("thread");
    if (!fresh || stateOf(fresh) !== stateOf(shown)) return;
    event.detail.shouldSwap = false;
    for (const part of [".thread__head .grow", "#thread-share"]) {
      const [old, now] = [shown, fresh].map((one) => one.querySelector(part));
      if (old && now && old.textContent !== now.textContent) old.replaceChildren(...now.childNodes);
    }
    bringMessages(shown.querySelector(".thread__scroll"), fresh);
  }

  // New ones take their place among those that are there, and what is there no more goes.
  function bringMessages(shown, fresh) {
    for (const one of shown.querySelectorAll(".msg")) {
      if (!fresh.querySelector(`.msg[data-message="${one.dataset.message}"]`)) one.remove();
    }
    let before = null;
    for (const one of fresh.querySelectorAll(".msg")) {
      const known = shown.querySelector(`.msg[data-message="${one.dataset.message}"]`);
      if (known) before = renewMessage(known, one);
      else {
        if (before) before.after(one);
        else (shown.querySelector(".msg") ?? shown.lastElementChild).before(one);
        window.htmx.process(one);
        before = one;
      }
    }
  }

  // Who is renamed is so here as well; of what may be read less, or more, nothing stays.
  function renewMessage(known, fresh) {
    const isClosed = (one) => one.matches(".msg--closed");
    const isAllowed = known.dataset.access === fresh.dataset.access; // as much as before
    if (isAllowed && (known.textContent === fresh.textContent || known.contains(document.activeElement))) return known;
    if (!isAllowed || (isClosed(known) && isClosed(fresh))) {
      known.replaceWith(fresh);
      window.htmx.process(fresh);
      return fresh;
    }
    const [old, now] = [known, fresh].map((one) => one.querySelector(".msg__head .grow"));
    if (old && now) old.replaceChildren(...now.childNodes);
    return known;
  }

  // What is not there any more says so, at once.
  function showGone({ detail }) {
    if (detail.xhr.status !== 404) return;
    detail.shouldSwap = true;
    detail.isError = false;
  }

  function beforeSwap(event) {
    const { target } = event.detail;
    if (target.id === "threads") keepListStill(event);
    if (target.id !== "thread") return;
    isBeside = toldOf(event) && !("chosen" in target.dataset);
    keepThreadStill(event);
    showGone(event);
  }

  // On a page of its own it is what the page is called after.
  function nameThread() {
    const name = document.querySelector(".mail--alone #thread-t");
    const title = name?.querySelector(".redacted") ? "Thread" : name?.textContent;
    if (title) document.title = `${title} · ${document.title.split(" · ").at(-1)}`;
  }

  // Rows from the server do not know which of them is open.
  function afterSwap() {
    nameThread();
    if (isBeside) delete document.getElementById("thread")?.dataset.chosen;
    isBeside = false;
    const open = document.getElementById("thread")?.dataset.thread;
    const row = open && rowOf(open);
    if (row && !row.hasAttribute("aria-current")) mark(row);
  }

  document.addEventListener("scroll", catchUp, { capture: true, passive: true });
  const listeners = {
    "click": closeThread,
    "focusout": () => setTimeout(catchUp),
    "htmx:beforeSend": markChosen,
    "htmx:beforeSwap": beforeSwap,
    "htmx:afterSwap": afterSwap,
    "htmx:afterSettle": readOn,
  };
  for (const [name, listener] of Object.entries(listeners)) document.body.addEventListener(name, listener);
})();
