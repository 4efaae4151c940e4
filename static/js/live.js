// What changes elsewhere while a page is open, as stream.js is told it. Regions with data-live="company:17 sync"
// get the event "live" when one of their keys is told ("company" alone is any of them); so does the body. The event
// says what has been told since. The first key is what a region is about: once that is gone, there is no more to ask for.
(() => {
  "use strict";

  const REST = 1_000; // a region is refreshed no more often than this, in milliseconds
  const REST_ALL = 5_000; // nor everything at once than this
  const REST_FAILED = 10_000; // after an answer that did not come
  const SPREAD = 2_000; // within which everybody does not ask at the same moment
  const MOST = 200; // keys to keep for a tab nobody looks at
  const EDITOR = "[data-editor], [data-edits].htmx-request"; // the latter is about to become one
  // Among it what is to be read first: why something was not taken, what came of it, a question.
  const BUSY = `${EDITOR}, :popover-open, dialog[open], form.htmx-request, [aria-invalid=true], [data-outcome], [name=confirmed]`;
  const FIELDS = "input:not([type=radio], [type=checkbox]), select, textarea, [contenteditable]";

  // --- What has been told and not been shown yet

  const nothing = () => ({ records: new Set(), topics: new Set(), all: false });
  let news = nothing();
  let timer = 0;
  let lastAll = 0;

  function add(told, { records = [], topics = [], all = false }) {
    for (const one of records) told.records.add(one);
    for (const one of topics) told.topics.add(one);
    told.all ||= all || told.records.size > MOST;
    if (told.all) told.records.clear();
    return told;
  }

  const asMessage = ({ records, topics, all }) => ({ records: [...records], topics: [...topics], all });

  const isAnything = ({ records, topics, all }) => Boolean(all || records.size || topics.size);

  function hear(message) {
    add(news, message);
    if (isAnything(news) && !timer) timer = setTimeout(show, news.all ? pauseBeforeAll() : 0);
  }

  function pauseBeforeAll() {
    return Math.max(0, lastAll + REST_ALL - Date.now()) + Math.random() * SPREAD;
  }

  const gone = new Set(); // keys of what there is nothing to ask about any more

  function noteGone({ records, topics, all }) {
    if (all) gone.clear();
    for (const one of records) gone.delete(one);
    for (const one of topics) if (one.startsWith("gone:")) gone.add(one.slice(5));
  }

  // A tab nobody looks at remembers what it has missed.
  function show() {
    timer = 0;
    if (document.hidden) return;
    const told = news;
    news = nothing();
    if (told.all) lastAll = Date.now();
    noteGone(told);
    const kinds = [...told.records].map((one) => one.split(":")[0]);
    const heard = new Set([...told.records, ...told.topics, ...kinds]);
    for (const region of document.querySelectorAll("[data-live]")) {
      const keys = region.dataset.live.split(" ").filter(Boolean);
      const isHeard = (key) => told.all || heard.has(key) || heard.has(`gone:${key}`);
      if (gone.has(keys[0])) waiting.delete(region);
      else if (keys.some(isHeard)) wait(region, told);
    }
    document.body.dispatchEvent(new CustomEvent("live", { detail: asMessage(told) }));
    refresh();
  }

  // --- Regions: refreshed where nobody is in the middle of something

  const waiting = new Map(); // with what has been told; an answer that was on its way by then says nothing of it
  let next = 0;

  const wait = (region, told) => waiting.set(region, add(waiting.get(region) ?? nothing(), told));

  // What its answer comes in place of.
  function placeOf(region) {
    const goal = region.getAttribute("hx-target");
    return (goal?.startsWith("#") && document.querySelector(goal)) || region;
  }

  const letGo = () => { isPressed = false; refreshLater(); };

  // What is typed or chosen and not sent yet; some forms send every choice at once.
  function isBegun(field) {
    if (field.type === "hidden" || field.closest("form[hx-trigger^=change]")) return false;
    if (field.options) return field.selectedIndex !== Math.max(0, [...field.options].findIndex((one) => one.defaultSelected));
    if (["checkbox", "radio"].includes(field.type)) return field.checked !== field.defaultChecked;
    return field.value !== field.defaultValue;
  }

  let isPressed = false; // a pointer is: what it is on must be there when it is let go

  function isBusy(region) {
    const focus = document.activeElement;
    const dialog = document.querySelector("dialog:modal");
    const place = placeOf(region);
    const menus = [...document.querySelectorAll("[data-opener]:popover-open")];
    return Boolean(isLeaving || isPressed
      || (dialog && !dialog.contains(region))
      || (region.matches("[data-live-from-top]") && region.scrollTop + scrollY > 0)
      || (place.contains(focus) && focus.matches(FIELDS))
      || [...place.querySelectorAll("input, textarea, select")].some(isBegun)
      || place.querySelector(BUSY)
      || menus.some((menu) => place.contains(document.getElementById(menu.dataset.opener))));
  }

  function refresh() {
    let soonest = Infinity;
    for (const region of waiting.keys()) {
      const due = restOf(region);
      const isShut = region.matches("[popover]:not(:popover-open)"); // asked anew by whoever opens it
      if (!region.isConnected || isShut) pass(region);
      else if (due > 0) soonest = Math.min(soonest, due);
      else if (!isBusy(region) && !region.matches(".htmx-request")) ask(region);
    }
    clearTimeout(next);
    if (soonest < Infinity) next = setTimeout(refresh, soonest);
  }

  // What came in its place was asked for before it was told.
  function pass(region) {
    const heir = region.id && document.getElementById(region.id);
    if (heir && heir !== region && heir.matches("[data-live]")) wait(heir, waiting.get(region));
    waiting.delete(region);
  }

  // What comes in place of a region has its id, and rests as the one before it did.
  const byId = new Map();
  const byElement = new WeakMap();

  function restOf(region) {
    const last = byId.get(region.id) ?? byElement.get(region) ?? 0;
    return last + (Number(region.dataset.liveRest) * 1000 || REST) - Date.now();
  }

  function rest(region, from = Date.now()) {
    if (region.id) byId.set(region.id, from);
    else byElement.set(region, from);
  }

  function ask(region) {
    const detail = asMessage(waiting.get(region));
    waiting.delete(region);
    rest(region);
    region.dispatchEvent(new CustomEvent("live", { detail }));
  }

  // Somebody may have opened a menu or gone into a field while the answer was on its way; and what is as it
  // was stays, with the focus and what is selected in it. What one's own doing changes waits for an editor only.
  function putOff(event) {
    const { requestConfig: { elt: region }, target, serverResponse } = event.detail;
    if (!region.matches("[data-live]")) return;
    const told = window.toldOf(event.detail.requestConfig);
    if (told ? isBusy(region) : target.querySelector(EDITOR)) wait(region, told || nothing());
    else if (!told || !isAsItWas(region, target, serverResponse)) return;
    event.detail.shouldSwap = false;
  }

  function isAsItWas(region, target, html) {
    const part = region.getAttribute("hx-select");
    if (part) {
      const fresh = new DOMParser().parseFromString(html, "text/html").querySelector(part);
      return target.matches(part) && !region.hasAttribute("hx-select-oob") && fresh && bare(fresh) === bare(target);
    }
    const answer = document.createElement("template");
    answer.innerHTML = html.trim();
    const [only] = answer.content.childNodes;
    return target === region && answer.content.childNodes.length === 1 && only.localName && bare(only) === bare(region);
  }

  // Without what htmx adds, and the tokens of forms, which are others in every answer.
  function bare(element) {
    const copy = element.cloneNode(true);
    for (const token of copy.querySelectorAll("[name=csrfmiddlewaretoken]")) token.remove();
    copy.removeAttribute("aria-busy");
    for (const one of [copy, ...copy.querySelectorAll("[class]")]) {
      const { classList } = one;
      classList.remove(...[...classList].filter((name) => name.startsWith("htmx-")));
      if (!classList.length) one.removeAttribute("class");
    }
    return copy.outerHTML;
  }

  // It has given way to what somebody asked for.
  function askAgain({ defaultPrevented, detail }) {
    const told = window.toldOf(detail.requestConfig);
    if (defaultPrevented && told) wait(detail.elt, told);
  }

  // The network or the server is down; what may not be seen, or is not there, is not asked for again.
  function askLater({ xhr, elt: region, requestConfig }) {
    const told = window.toldOf(requestConfig);
    if (!told || !region.matches("[data-live]") || (xhr.status >= 400 && xhr.status < 500)) return;
    rest(region, Date.now() + REST_FAILED);
    wait(region, told);
  }

  // A field is left, a menu or a dialog is closed, an answer is there.
  function refreshLater() {
    if (waiting.size) setTimeout(refresh);
  }

  // Somebody deletes what the page is about: what is left of it need not be brought up to date.
  let isLeaving = false;

  function leave({ target }) {
    isLeaving ||= target.matches("[data-leaves]");
  }

  function onError({ detail }) {
    if (detail.elt.matches("[data-leaves]")) isLeaving = false;
    askLater(detail);
  }

  function onVisibility() {
    if (document.hidden) return;
    if (isAnything(news) && !timer) show();
    refreshLater();
  }

  document.addEventListener("told", ({ detail }) => hear(detail));
  document.addEventListener("visibilitychange", onVisibility);
  window.addEventListener("pageshow", ({ persisted }) => { if (persisted) hear({ all: true, topics: ["access"] }); });
  const moments = ["focusout", "toggle", "close", "scrollend", "htmx:afterRequest", "htmx:afterSettle"];
  for (const name of moments) document.addEventListener(name, refreshLater, true);
  document.addEventListener("pointerdown", () => { isPressed = true; }, true);
  for (const name of ["pointerup", "pointercancel", "dragend", "contextmenu"]) {
    document.addEventListener(name, letGo, true);
  }
  window.addEventListener("blur", letGo);
  const listeners = {
    "submit": leave,
    "htmx:responseError": onError,
    "htmx:sendError": onError,
    "htmx:beforeRequest": askAgain,
    "htmx:beforeSwap": putOff,
  };
  for (const [name, listener] of Object.entries(listeners)) document.body.addEventListener(name, listener);
})();
