// The stream of what changes elsewhere: ids and topics, nothing that could be read. All tabs of a browser share
// one: the tab that holds the lock listens, and hands on what it hears. Each tab is told by the event "told".
(() => {
  "use strict";

  const url = document.body.dataset.liveUrl;
  if (!url) return;

  const POLL = 30_000; // without a stream everything is looked at this often
  const PATIENCE = 3_000; // shorter gaps are not worth showing
  const DEAF = 45_000; // three heartbeats missed: the connection is gone, though nobody has said so
  const RECALL = 10_000; // how far back the server can tell what was announced
  const WAIT = [2_000, 60_000]; // until the next attempt after a refusal, from and to

  const hear = (told) => document.dispatchEvent(new CustomEvent("told", { detail: told }));

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
    source.addEventListener("message", (event) => tell({ news: [JSON.parse(event.data)] }));
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
    const news = [];
    if (hasBeenUp) news.push({ all: true, topics: ["access"] });
    else if (!whole) news.push({ all: true });
    hasBeenUp = true;
    wait = WAIT[0];
    tell({ up: true, news });
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
    for (const one of message.news ?? []) recent.push([Date.now(), one]);
    while (recent.length && Date.now() - recent[0][0] > RECALL) recent.shift();
    others?.postMessage(message);
    take(message);
  }

  function take({ up, news = [] }) {
    if (up !== undefined) report(up);
    for (const one of news) hear(one);
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
    others.postMessage({ to: from, up: isUp, news: missed });
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
    if (!isLeft) start();
  }

  others?.addEventListener("message", onMessage);
  document.addEventListener("visibilitychange", onVisibility);
  document.body.addEventListener("htmx:load", () => doubt || indicate());
  window.addEventListener("pagehide", () => {
    isLeft = true;
    resign();
  });
  window.addEventListener("pageshow", ({ persisted }) => {
    isLeft = false;
    if (persisted) start();
  });
  setInterval(poll, POLL);
  report(false);
  start();
})();
