// What changes elsewhere while a page is open. All tabs of a browser share one stream of ids: the tab that
// holds the lock listens, and hands on what it hears. Regions with data-live="company:17 sync" get the
// event "live" when one of their keys is told ("company" alone is any of them); so does the body, with everything
// that is. The first key is what a region is about: once that is gone, there is no more to ask for.
(() => {
  "use strict";

  const url = document.body.dataset.liveUrl;
  if (!url) return;

  const REST = 1_000; // a region is refreshed no more often than this, in milliseconds
  const REST_ALL = 5_000; // nor everything at once than this
  const SPREAD = 2_000; // within which everybody does not ask at the same moment
  const POLL = 30_000; // without a stream everything is looked at this often
  const PATIENCE = 3_000; // shorter gaps are not worth showing
  const DEAF = 45_000; // three heartbeats missed: the connection is gone, though nobody has said so
  const RECALL = 10_000; // how far back the server can tell what was announced
  const WAIT = [2_000, 60_000]; // until the next attempt after a refusal, from and to
  const MOST = 200; // keys to keep for a tab nobody looks at
  const BUSY = ":popover-open, dialog[open], form.htmx-request, [name=confirmed]"; // the last is a question
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

  // A tab nobody looks at remembers what it has missed.
  function show() {
    timer = 0;
    if (document.hidden) return;
    const told = news;
    news = nothing();
    if (told.all) lastAll = Date.now();
    const kinds = [...told.records].map((one) => one.split(":")[0]);
    const heard = new Set([...told.records, ...told.topics, ...kinds]);
    for (const region of document.querySelectorAll("[data-live]")) {
      const keys = region.dataset.live.split(" ").filter(Boolean);
      const isHeard = (key) => told.all || heard.has(key) || heard.has(`gone:${key}`);
      if (heard.has(`gone:${keys[0]}`)) waiting.delete(region); // there is nothing to ask
      else if (keys.some(isHeard)) waiting.add(region);
    }
    document.body.dispatchEvent(new CustomEvent("live", { detail: asMessage(told) }));
    refresh();
  }

  // --- Regions: refreshed where nobody is in the middle of something

  const waiting = new Set();
  let next = 0;

  // What its answer comes in place of.
  function placeOf(region) {
    const goal = region.getAttribute("hx-target");
    return (goal?.startsWith("#") && document.querySelector(goal)) || region;
  }

  const letGo = () => { isPressed = false; refreshLater(); };

  // What is typed or chosen and not sent yet.
  function isBegun(field) {
    if (field.options) return field.selectedIndex > 0 && !field.options[field.selectedIndex].defaultSelected;
    return !["hidden", "checkbox", "radio"].includes(field.type)
      && field.value !== field.defaultValue && Boolean(field.value.trim());
  }

  let isPressed = false; // a pointer is: what it is on must be there when it is let go

  function isBusy(region) {
    const focus = document.activeElement;
    const dialog = document.querySelector("dialog:modal");
    const place = placeOf(region);
    const menus = [...document.querySelectorAll("[data-opener]:popover-open")];
    return Boolean(isPressed
      || (dialog && !dialog.contains(region))
      || (region.matches("[popover]") && region.contains(focus))
      || (region.matches("[data-live-from-top]") && region.scrollTop + scrollY > 0)
      || (place.contains(focus) && focus.matches(FIELDS))
      || [...place.querySelectorAll("input, textarea, select")].some(isBegun)
      || place.querySelector(BUSY)
      || menus.some((menu) => place.contains(document.getElementById(menu.dataset.opener))));
  }

  function refresh() {
    let soonest = Infinity;
    for (const region of waiting) {
      const due = restOf(region);
      const isShut = region.matches("[popover]:not(:popover-open)"); // asked anew by whoever opens it
      if (!region.isConnected || isShut) pass(region);
      else if (due > 0) soonest = Math.min(soonest, due);
      else if (!isBusy(region) && !region.matches(".htmx-request")) ask(region);
    }
    clearTimeout(next);
    if (soonest < Infinity) next = setTimeout(refresh, soonest);
  }

  // Of what was told while an answer was on its way, that answer may say nothing.
  function pass(region) {
    waiting.delete(region);
    const heir = region.id && document.getElementById(region.id);
    if (heir && heir !== region && heir.matches("[data-live]")) waiting.add(heir);
  }

  // What comes in place of a region has its id, and rests as the one before it did.
  const byId = new Map();
  const byElement = new WeakMap();

  function restOf(region) {
    const last = byId.get(region.id) ?? byElement.get(region) ?? 0;
    return last + (Number(region.dataset.liveRest) * 1000 || REST) - Date.now();
  }

  function ask(region) {
    waiting.delete(region);
    if (region.id) byId.set(region.id, Date.now());
    else byElement.set(region, Date.now());
    region.dispatchEvent(new CustomEvent("live"));
  }

  // Somebody may have opened a menu or gone into a field while the answer was on its way; and what is as it
  // was stays, with the focus and what is selected in it.
  function putOff(event) {
    const { requestConfig: { triggeringEvent, elt: region }, target, serverResponse } = event.detail;
    if (triggeringEvent?.type !== "live" || !region.matches("[data-live]")) return;
    if (isBusy(region)) waiting.add(region);
    else if (!isAsItWas(region, target, serverResponse)) return;
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
  function askAgain({ defaultPrevented, detail: { elt, requestConfig } }) {
    if (defaultPrevented && requestConfig.triggeringEvent?.type === "live") waiting.add(elt);
  }

  // A field is left, a menu or a dialog is closed, an answer is there.
  function refreshLater() {
    if (waiting.size) setTimeout(refresh);
  }

  // --- Is anything heard at all?

  let isUp = false;
  let doubt = 0;

  function report(up) {
    isUp = up;
    if (!up) doubt ||= setTimeout(indicate, PATIENCE);
    else {
      clearTimeout(doubt);
      indicate();
    }
  }

  function indicate() {
    doubt = 0;
    for (const sign of document.querySelectorAll("[data-live-state]")) {
      sign.dataset.liveTitle ??= sign.title;
      sign.dataset.liveState = isUp ? "on" : "off";
      sign.title = isUp ? sign.dataset.liveTitle : "Not connected to the server. What is shown is looked up every half minute.";
      sign.querySelector("[data-not]")?.remove();
      if (!isUp) sign.lastChild.before(negation());
    }
  }

  // Seen it is struck out.
  function negation() {
    const not = document.createElement("span");
    not.className = "visually-hidden";
    not.dataset.not = "";
    not.textContent = "Not ";
    return not;
  }

  const knock = () => fetch(url, { method: "HEAD", redirect: "error" }).catch(() => null);

  // The server may well answer, only not as a stream.
  async function poll() {
    if (source && Date.now() - soundAt > DEAF) openAnew();
    if (document.hidden || hasResigned) return;
    if (!isUp && (await knock())?.ok) hear({ all: true });
    if (canShare && !leave) askForLeader();
  }

  // --- The stream, in one tab of the browser

  const began = Date.now() - performance.now();
  const recent = [];
  let source = null;
  let soundAt = 0;
  let hasBeenUp = false;
  let wait = WAIT[0];
  let retry = 0;
  let hasResigned = false;
  let isLeft = false; // going away or in the cache of the browser's history

  const ageOf = () => Math.round(Math.min(Date.now() - began, RECALL));

  function open() {
    if (source) return;
    source = new EventSource(`${url}?age=${ageOf()}`);
    soundAt = Date.now();
    for (const name of ["open", "beat", "up", "down", "message"]) {
      source.addEventListener(name, () => { soundAt = Date.now(); });
    }
    source.addEventListener("up", (event) => comeUp(JSON.parse(event.data)));
    source.addEventListener("down", () => tell({ up: false }));
    source.addEventListener("message", (event) => tell({ news: JSON.parse(event.data) }));
    source.addEventListener("error", () => {
      tell({ up: false });
      if (source?.readyState === EventSource.CLOSED) askWhy();
    });
  }

  function close() {
    clearTimeout(retry);
    source?.close();
    source = null;
  }

  function openAnew() {
    tell({ up: false });
    close();
    open();
  }

  // Nobody may have listened since this page was made, as where it is the first for a while; nor in a gap.
  function comeUp({ whole }) {
    const isGap = hasBeenUp || !whole;
    hasBeenUp = true;
    wait = WAIT[0];
    tell({ up: true });
    if (isGap) tell({ news: { all: true } });
  }

  // The browser tries again by itself unless it was refused, and then it does not say why.
  async function askWhy() {
    close();
    const answer = await knock();
    if (answer && [401, 403, 404].includes(answer.status)) return resign();
    if (canShare && !leave) return;
    retry = setTimeout(open, wait * (0.5 + Math.random() / 2));
    wait = Math.min(wait * 2, WAIT[1]);
  }

  // Signed out, or no member any more: perhaps another tab knows better.
  function resign() {
    hasResigned = true;
    close();
    leave?.();
    leave = null;
  }

  // --- Tabs

  const id = Math.random();
  const canShare = "BroadcastChannel" in window && Boolean(navigator.locks);
  const others = canShare ? new BroadcastChannel(`live:${url}`) : null;
  let leave = null; // gives the lock back
  let isWaitingForLock = false;
  let heardAt = 0;

  function tell(message) {
    if (message.news) recent.push([Date.now(), message.news]);
    while (recent.length && Date.now() - recent[0][0] > RECALL) recent.shift();
    others?.postMessage(message);
    take(message);
  }

  function take({ up, news: told }) {
    if (up !== undefined) report(up);
    if (told) hear(told);
  }

  function onMessage({ data }) {
    if (data.from) return greet(data);
    heardAt = Date.now();
    if (!data.to || data.to === id) take(data);
  }

  // A page that has just opened hears how things are, and what was told while it was being loaded.
  function greet({ from, age: back }) {
    if (!leave) return;
    const missed = recent.filter(([at]) => Date.now() - at < back).map(([, one]) => one);
    others.postMessage({ to: from, up: isUp, news: asMessage(missed.reduce(add, nothing())) });
  }

  function queue(options = {}) {
    if (leave || (isWaitingForLock && !options.steal)) return;
    isWaitingForLock = true;
    navigator.locks.request(`live:${url}`, options, () => {
      isWaitingForLock = false;
      open();
      return new Promise((resolve) => { leave = resolve; });
    }).catch(() => {
      // Somebody took us for dead.
      leave = null;
      close();
      queue();
    });
  }

  // Some browsers put tabs to sleep together with the lock they hold.
  function askForLeader() {
    others.postMessage({ from: id, age: 0 });
    setTimeout(() => {
      if (!leave && !document.hidden && Date.now() - heardAt > 2 * PATIENCE) queue({ steal: true });
    }, PATIENCE);
  }

  function start() {
    hasResigned = false;
    if (!canShare) return document.hidden ? close() : open();
    others.postMessage({ from: id, age: ageOf() });
    queue();
  }

  // A page that is left is hidden too, after it has resigned.
  function onVisibility() {
    if (isLeft) return;
    start();
    if (!document.hidden && isAnything(news) && !timer) show();
    refreshLater();
  }

  others?.addEventListener("message", onMessage);
  document.addEventListener("visibilitychange", onVisibility);
  const moments = ["focusout", "toggle", "close", "scrollend", "htmx:afterRequest", "htmx:afterSettle"];
  for (const name of moments) document.addEventListener(name, refreshLater, true);
  document.addEventListener("pointerdown", () => { isPressed = true; }, true);
  for (const name of ["pointerup", "pointercancel", "dragend"]) {
    document.addEventListener(name, letGo, true);
  }
  window.addEventListener("blur", letGo);
  document.body.addEventListener("htmx:beforeRequest", askAgain);
  document.body.addEventListener("htmx:load", () => doubt || indicate());
  document.body.addEventListener("htmx:beforeSwap", putOff);
  window.addEventListener("pagehide", () => {
    isLeft = true;
    resign();
  });
  window.addEventListener("pageshow", (event) => {
    isLeft = false;
    if (!event.persisted) return;
    hear({ all: true });
    start();
  });
  setInterval(poll, POLL);
  report(false);
  start();
})();
